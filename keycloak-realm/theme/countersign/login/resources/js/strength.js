// The strength label (A15): weak, fair or good, as one types, by the realm's own policy, which
// strength.ftl hands over as data. Advice only: the server decides, and knows more (its blocklist).

// Runs such as "aaaa", "1234" or "qwerty" add nothing that is hard to guess: of each, two count.
const rows = ["abcdefghijklmnopqrstuvwxyz", "01234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm"];
const rowsBothWays = rows.flatMap((row) => [row, [...row].reverse().join("")]);

function follows(a, b) {
  return a === b || rowsBothWays.some((row) => row.includes(a + b));
}

export function effectiveLength(password, user) {
  let text = password.toLowerCase();
  if (user.length > 2) text = text.replaceAll(user.toLowerCase(), "u");
  const chars = [...text];
  const counted = chars.filter((c, i) => i < 2 || !(follows(chars[i - 2], chars[i - 1]) && follows(chars[i - 1], c)));
  // A short piece over and over counts twice at most, and few different signs are few.
  return Math.min(counted.length, new Set(counted).size * 2);
}

export function judge(password, policy) {
  const count = (pattern) => (password.match(pattern) || []).length;
  const missing = policy.length - [...password].length;
  if (missing === 1) return { level: 1, why: policy.shortOne };
  if (missing > 1) return { level: 1, why: policy.short.replace("#", missing) };
  if (policy.max && password.length > policy.max) return { level: 1, why: policy.long.replace("#", policy.max) };
  if (count(/\p{Nd}/gu) < policy.digits || count(/\p{Ll}/gu) < policy.lower || count(/\p{Lu}/gu) < policy.upper || count(/[^\p{L}\p{N}]/gu) < policy.special)
    return { level: 1, why: policy.kinds };
  const effective = effectiveLength(password, policy.user);
  const enough = Math.max(policy.length, 8);
  if (effective < enough * 0.7) return { level: 1, why: policy.guess };
  return { level: effective >= enough + 5 ? 3 : 2, why: "" };
}

for (const box of document.querySelectorAll(".cs-strength")) {
  const d = box.dataset;
  const policy = { ...d };
  for (const n of ["length", "max", "digits", "lower", "upper", "special"]) policy[n] = Number(d[n]);
  const words = ["", d.weak, d.fair, d.good];
  const [bar, said] = [box.querySelector("progress"), box.querySelector("[role=status]")];
  let speak;
  document.getElementById(d.of).addEventListener("input", (event) => {
    const value = event.target.value;
    box.hidden = false;
    const { level, why } = value ? judge(value, policy) : { level: 0, why: "" };
    bar.value = level;
    box.dataset.level = level;
    clearTimeout(speak); // a screen reader hears the last word, not one for each key
    speak = setTimeout(() => (said.textContent = [words[level], why].filter(Boolean).join(" ")), 300);
  });
}
