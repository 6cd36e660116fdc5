// The sign-up page's challenge (ALTCHA, brought by assets.sh): a small sum that
// this browser does while its person types. Nobody has to do anything; without
// this script the form is taken all the same, and a mail asks for a click.
import './altcha/external/altcha.min.js';

const status = document.getElementById('challenge');
const form = status.closest('form');
const $altcha = globalThis.$altcha;

$altcha.algorithms.set('SHA-256', () => new Worker(new URL('./altcha/workers/sha.js', import.meta.url)));
$altcha.defaults.set({
  humanInteractionSignature: false, // nobody's pointer is watched
  hideFooter: true,
  hideLogo: true,
  minDuration: 0,
});

const widget = document.createElement('altcha-widget');
widget.setAttribute('challenge', status.dataset.challenge);
widget.setAttribute('display', 'invisible');
widget.setAttribute('auto', 'onload');
widget.setAttribute('name', 'altcha');
widget.hidden = true;

let state = 'verifying';
let waiting; // the button that was pressed before the sum was done
widget.addEventListener('statechange', (e) => {
  state = e.detail.state;
  status.setAttribute('aria-busy', String(state === 'verifying'));
  const words = { verifying: status.dataset.working, verified: status.dataset.done }[state] ?? status.dataset.round;
  if (status.textContent !== words) status.textContent = words;
  if (state === 'expired') widget.verify(); // the page stood open for hours
  if (waiting && state !== 'verifying' && state !== 'expired') {
    const button = waiting;
    waiting = undefined;
    setTimeout(() => form.requestSubmit(button), 0); // after the widget has put the answer into the form
  }
});
form.addEventListener('submit', (e) => {
  if (state !== 'verifying' || e.submitter?.name === 'way') return;
  e.preventDefault();
  waiting = e.submitter ?? form.querySelector('button[type=submit]');
});
status.hidden = false;
status.setAttribute('aria-busy', 'true'); // until it has something to say
form.append(widget);
