// Follows what changes on a page while somebody looks at it. To ask is no activity:
// the session pauses all the same. Without this script a link does it.
(() => {
	"use strict";
	const say = document.getElementById("say");
	let asked = 0;
	async function look() {
		const box = document.getElementById("live");
		if (!box.dataset.live) return;
		if (!document.hidden && !document.body.hidden) {
			try {
				const r = await fetch(box.dataset.live, { headers: { Accept: "application/json" }, cache: "no-store" });
				if (r.status === 401 || r.status === 404) return;
				const now = r.ok && new DOMParser().parseFromString(await r.text(), "text/html").getElementById("live");
				if (now && now.innerHTML !== box.innerHTML) box.replaceWith(now);
				if (now && now.dataset.say !== say.textContent) say.textContent = now.dataset.say;
				if (now && !now.dataset.live) return;
			} catch {} // no network yet
		}
		setTimeout(look, ++asked < 30 ? 1000 : 5000);
	}
	setTimeout(look, 500);
})();
