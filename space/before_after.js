// Before and after, under one line that moves by mouse, finger and keyboard. Wheel and vertical swipes scroll the page;
// Ctrl and the wheel, or two fingers, zoom. A click while colors are chosen says where.
const stage = element.querySelector('.ba-stage');
const inner = element.querySelector('.ba-inner');
const line = element.querySelector('input[type=range]');
const empty = element.querySelector('.ba-empty');
const say = element.querySelector('.ba-value');
let shown = 0, zoom = 1;

function place(percent) {
  line.value = percent;
  stage.style.setProperty('--line', `${percent}%`);
  line.setAttribute('aria-valuetext', `${Math.round(percent)} %`);
}

function picture(side, address, text) {
  let image = inner.querySelector(`.ba-${side}`);
  if (!image) {
    image = document.createElement('img');
    image.className = `ba-${side}`;
    image.draggable = false;
    inner.insertBefore(image, inner.querySelector('.ba-points'));
  }
  image.alt = text;
  if (image.getAttribute('src') !== address) image.src = address;
}

function show() {
  const value = props.value;
  if (!value || value.number < shown) return;  // a late answer about an earlier picture
  shown = value.number;
  stage.hidden = !value.after;
  line.hidden = !value.after;
  empty.hidden = !!value.after;
  if (value.empty) empty.textContent = value.empty;
  if (!value.after) {
    inner.querySelectorAll('img').forEach(image => image.remove());
    return;
  }
  stage.style.setProperty('--ratio', value.width / value.height);
  line.setAttribute('aria-label', value.line);
  picture('before', value.before, value.before_text);
  picture('after', value.after, value.after_text);
  const points = inner.querySelector('.ba-points');
  points.replaceChildren(...(value.points || []).map((point, number) => {
    const ring = document.createElement('span');
    ring.textContent = number + 1;
    ring.style.cssText = `left:${100 * point.x}%;top:${100 * point.y}%;background:${point.color}`;
    return ring;
  }));
}

function across(event) {
  const box = inner.getBoundingClientRect();
  return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height].map(
    share => Math.min(Math.max(share, 0), 0.9999));
}

function choosing() {
  const swatches = document.querySelector('#swatches');
  return swatches && swatches.checkVisibility();
}

let start = null;
stage.addEventListener('pointerdown', event => {
  if (event.button || !event.isPrimary) return;
  start = event;
  if (event.pointerType === 'mouse') stage.setPointerCapture(event.pointerId);
});
stage.addEventListener('pointermove', event => {
  if (!start || !event.isPrimary) return;
  if (Math.hypot(event.clientX - start.clientX, event.clientY - start.clientY) > 4) start.moved = true;
  if (start.moved) place(100 * across(event)[0]);
});
stage.addEventListener('pointerup', event => {
  if (start && !start.moved) {
    const [x, y] = across(event);
    if (choosing()) trigger('click', {x, y});
    else place(100 * x);
  }
  start = null;
});
stage.addEventListener('pointercancel', () => { start = null; });
stage.addEventListener('wheel', event => {
  if (!event.ctrlKey) return;
  event.preventDefault();
  const [x, y] = across(event);
  if (zoom === 1) inner.style.transformOrigin = `${100 * x}% ${100 * y}%`;
  zoom = Math.min(8, Math.max(1, zoom * Math.exp(-event.deltaY / 300)));
  inner.style.transform = zoom === 1 ? '' : `scale(${zoom})`;
}, {passive: false});
line.addEventListener('input', () => place(+line.value));
place(50);
watch('value', show);
show();
