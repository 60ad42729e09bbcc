"""What the page does in the browser."""

# A click on a class shows it alone on both sides, until the next click on it. A file
# that is too large is refused before it is sent: gradio would not name it.
ON_LOAD = """() => {
  const sides = () => [...document.querySelectorAll('#classes-0, #classes-1')];
  const items = side => [...side.querySelectorAll('.legend-item')];
  const name = item => item.textContent.trim().match(NAME)[1];
  // "3 x car 12.5%%" and "car < 0.1%%"
  const NAME = /^(?:\\d+ x )?(.*?) (?:< )?[\\d.]+%%$/;
  let alone = null;
  const show = () => {
    const found = sides().flatMap(items).map(name);
    if (!found.includes(alone)) alone = null;
    for (const side of sides()) {
      const names = items(side).map(name);
      items(side).forEach((item, k) => item.ariaPressed = names[k] === alone);
      side.querySelectorAll('.mask').forEach((mask, k) => {
        mask.style.opacity = alone === null ? '' : Number(names[k] === alone);
      });
    }
  };
  document.addEventListener('click', event => {
    const item = event.target.closest('.legend-item');
    if (!item) return;
    alone = alone === name(item) ? null : name(item);
    show();
  });
  const changes = {subtree: true, childList: true, characterData: true};
  new MutationObserver(show).observe(document.body, changes);

  const refuse = event => {
    if (!event.target.closest?.('#image')) return;
    const files = event.target.files || event.dataTransfer?.files || [];
    const large = [...files].find(file => file.size > %d);
    if (!large) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    window.refusedFile = large.name;
    document.querySelector('#refused').click();
  };
  document.addEventListener('change', refuse, true);
  document.addEventListener('drop', refuse, true);
}"""
REFUSED_FILE = '() => window.refusedFile'
# On a phone the result is far below the image.
INTO_VIEW = """() => setTimeout(() => {
  const heading = document.querySelector('#heading-0');
  const isBelow = heading?.getBoundingClientRect().top > innerHeight / 2;
  if (isBelow) heading.scrollIntoView({behavior: 'smooth'});
}, 100)"""
