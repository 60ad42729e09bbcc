// The viewer's part in the browser: paints label maps over images, names the class
// under the pointer, shows one class alone. `element` and `watch` come from gr.HTML.

const PASTE_TARGET = '#image-file input[type=file]';
let panels = [];

async function inflate(base64) {
	const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
	const stream = new Blob([bytes]).stream();
	const inflated = stream.pipeThrough(new DecompressionStream('deflate'));
	return new Uint16Array(await new Response(inflated).arrayBuffer());
}

async function readPanel(section) {
	const canvas = section.querySelector('canvas');
	const data = JSON.parse(section.querySelector('.data').textContent);
	return { section, canvas, ...data, labels: await inflate(data.labels), only: null };
}

function paint({ canvas, labels, palette, only }) {
	const picture = new ImageData(canvas.width, canvas.height);
	for (let i = 0; i < labels.length; i++) {
		if (only !== null && labels[i] !== only) continue;
		picture.data.set(palette[labels[i]], 4 * i);
		picture.data[4 * i + 3] = 255;
	}
	canvas.getContext('2d').putImageData(picture, 0, 0);
}

async function load() {
	const sections = [...element.querySelectorAll('.panel')];
	panels = await Promise.all(sections.map(readPanel));
	panels.forEach(paint);
	element.dataset.painted = panels.length;
}

// Both panels show the same image: the pointer in one names the classes in both.
function nameClasses(event) {
	const picture = event.target.closest('.picture');
	for (const { section, canvas, labels, classes } of panels) {
		const chip = section.querySelector('.pointed');
		if (picture) {
			const box = picture.getBoundingClientRect();
			const column = Math.floor(((event.clientX - box.left) / box.width) * canvas.width);
			const row = Math.floor(((event.clientY - box.top) / box.height) * canvas.height);
			chip.textContent = classes[labels[row * canvas.width + column]] ?? '';
		} else {
			chip.textContent = '';
		}
	}
}

function showAlone(event) {
	const button = event.target.closest('.legend button');
	const panel = panels.find(({ section }) => button && section.contains(button));
	if (!panel) return;
	const label = Number(button.dataset.label);
	panel.only = panel.only === label ? null : label;
	for (const other of panel.section.querySelectorAll('.legend button')) {
		other.setAttribute('aria-pressed', Number(other.dataset.label) === panel.only);
	}
	paint(panel);
}

// gr.File takes dropped and chosen files; a pasted one goes the way of a chosen one.
function paste(event) {
	const files = [...(event.clipboardData?.files ?? [])];
	const image = files.find((file) => file.type.startsWith('image/'));
	const input = document.querySelector(PASTE_TARGET);
	if (!image || !input) return;
	const chosen = new DataTransfer();
	chosen.items.add(image);
	input.files = chosen.files;
	input.dispatchEvent(new Event('change', { bubbles: true }));
	event.preventDefault();
}

const bare = (on) => element.classList.toggle('bare', on);
element.addEventListener('pointermove', nameClasses);
element.addEventListener('pointerleave', nameClasses);
element.addEventListener('click', showAlone);
element.addEventListener('pointerdown', (event) => bare(!!event.target.closest('.picture')));
for (const end of ['pointerup', 'pointercancel', 'pointerleave']) {
	element.addEventListener(end, () => bare(false));
}
document.addEventListener('paste', paste);
watch('value', load);
