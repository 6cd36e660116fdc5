// Warns before the session pauses, keeps what was typed, and leaves nothing to
// read when it is over, which the server decides. Times are in seconds.
(() => {
	"use strict";
	const channel = "BroadcastChannel" in window ? new BroadcastChannel("countersign-session") : null;
	const say = (m) => channel && channel.postMessage(m);
	const language = (e) => e.target.getAttribute("action") === "/language"; // which loads the page anew
	const box = document.getElementById("cs-idle");
	if (!box) {
		if (document.querySelector("[data-over]")) say({ over: 2 });
		takeAlong();
		return;
	}
	// What somebody without a session typed goes along in this tab and no further.
	function takeAlong() {
		const at = "typed " + location.pathname, fields = [...document.querySelectorAll("main form[method=post] .usa-input, main form[method=post] .usa-textarea")];
		const before = JSON.parse(sessionStorage.getItem(at) || "{}");
		sessionStorage.removeItem(at);
		for (const f of fields) if (before[f.name] !== undefined) f.value = before[f.name];
		document.addEventListener("submit", (e) => {
			if (language(e)) sessionStorage.setItem(at, JSON.stringify(Object.fromEntries(fields.map((f) => [f.name, f.value]))));
		});
	}

	const d = box.dataset, title = document.title, part = (name) => box.querySelector(`[data-part=${name}]`);
	const typed = new Set(document.querySelectorAll(d.typed ? "main form[method=post]" : "[data-kept] + form"));
	let idle, whole, wall, mono, said, focus, busy = false, done = false, later = false;

	const reset = (left, rest) => { [idle, whole, wall, mono] = [left, rest, Date.now(), performance.now()]; };
	// One clock stops while the machine sleeps, the other can be set back.
	const passed = () => Math.max(0, Date.now() - wall, performance.now() - mono) / 1000;
	const left = () => Math.min(idle, whole) - passed();
	const ask = (to, form) => fetch(to, { headers: { Accept: "application/json" }, cache: "no-store", ...(form && { method: "POST", body: form }) });

	function cover(on) {
		if (on === document.body.hidden) return;
		if (on) focus = document.activeElement;
		document.body.hidden = on;
		if (!on && focus) focus.focus();
	}

	function warn(s) {
		const ends = whole <= idle;
		if (ends && later) return;
		if (!box.open) {
			box.querySelectorAll("[data-when]").forEach((n) => { n.hidden = (n.dataset.when === "ends") !== ends; });
			said = Infinity;
			box.showModal();
			part(ends ? "again" : "stay").focus();
			document.title = d.title + " – " + title;
		}
		part("count").textContent = Math.floor(s / 60) + ":" + String(Math.floor(s % 60)).padStart(2, "0");
		const step = [10, 30, 60, 120].find((n) => s <= n);
		if (step < said) part("say").textContent = d["say" + (said = step)];
	}

	function calm() {
		if (box.open) box.close();
		document.title = title;
	}

	function tick() {
		if (done) return;
		const s = left();
		if (s <= 0 || document.body.hidden) check();
		else if (s <= d.warn) warn(s);
		else calm();
	}

	// To ask is no activity.
	async function check() {
		if (busy || done) return;
		busy = true;
		if (left() <= 0) cover(true);
		try {
			const r = await ask("/session"), a = await r.json();
			if (r.ok && a.who !== d.who) location.reload();
			else if (r.ok) { reset(a.left, a.whole); cover(false); tick(); }
			else if (r.status === 401) await leave(a.type.endsWith("idle") ? null : "/signed-out");
			else throw r.status;
			busy = false;
		} catch { setTimeout(() => { busy = false; }, 3000); } // no network yet
	}

	async function keep() {
		let to = d.return;
		for (const form of typed) {
			if (!form.isConnected) continue;
			const body = new URLSearchParams();
			for (const [name, value] of new FormData(form)) if (typeof value === "string") body.append(name, value);
			const at = new URL(form.getAttribute("action") || location.pathname, location.href).pathname;
			const r = await ask(`/session/keep?to=${encodeURIComponent(at)}&page=${encodeURIComponent(d.return)}`, body);
			if (r.ok) to = (await r.json()).at;
			else if (r.status >= 500) throw r.status;
		}
		return to;
	}

	async function leave(to) {
		cover(true);
		to = to || await keep();
		done = true;
		location.replace(to);
	}

	async function stay() {
		try {
			const r = await ask("/session/stay", new URLSearchParams({ form_token: d.token }));
			const a = await r.json();
			if (!r.ok) return check();
			reset(a.left, a.whole);
			say(a);
			tick();
		} catch { part("say").textContent = d.sayagain; }
	}

	reset(+d.left, +d.whole);
	setInterval(tick, 1000);
	part("stay").addEventListener("click", stay);
	part("later").addEventListener("click", () => { later = true; calm(); });
	part("again").addEventListener("click", async () => {
		try { location.assign("/sign-in?prompt=login&return=" + encodeURIComponent(await keep())); } catch { part("say").textContent = d.sayagain; }
	});
	box.addEventListener("cancel", (e) => { e.preventDefault(); part(whole <= idle ? "later" : "stay").click(); });
	document.addEventListener("input", (e) => { if (e.target.form && e.target.form.method === "post") typed.add(e.target.form); });
	document.addEventListener("submit", (e) => {
		if (e.target.getAttribute("action") !== "/sign-out") return;
		done = true; // nothing that another tab says cuts the way by Keycloak short, which ends the session there
		say({ over: 1 });
	});
	document.addEventListener("submit", async (e) => {
		if (!language(e) || !typed.size) return;
		e.preventDefault();
		try { e.target.elements.to.value = await keep(); } catch {} // the language is what was asked for
		typed.clear();
		e.target.requestSubmit(e.submitter);
	});
	document.addEventListener("visibilitychange", () => { if (!document.hidden) check(); });
	addEventListener("pagehide", () => cover(true)); // and comes back covered
	addEventListener("pageshow", (e) => { if (e.persisted) { done = false; check(); } });
	if (channel) channel.onmessage = ({ data }) => {
		if (done) return;
		if (data.over) { cover(true); if (data.over === 2) check(); }
		else if (data.who !== d.who) location.reload();
		else { reset(data.left, data.whole); tick(); }
	};
	say({ who: d.who, left: +d.left, whole: +d.whole });
	tick();
})();
