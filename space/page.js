() => {
  // Ctrl+V anywhere brings a picture to the drop zone of the tab that is seen.
  const zones = ['#reference', '#photo', '#truth', '#experiment-photo'];
  const seen = selector => {
    const zone = document.querySelector(selector);
    return zone && zone.checkVisibility() ? zone : null;
  };
  document.addEventListener('paste', event => {
    if (event.defaultPrevented || event.target.closest?.('input, textarea, [contenteditable]')) return;
    const files = [...(event.clipboardData?.files || [])].filter(file => file.type.startsWith('image/'));
    const zone = files.length && zones.map(seen).find(found => found);
    if (!zone) return;
    event.preventDefault();
    event.stopPropagation();
    const put = () => {
      const input = zone.querySelector('input[type=file]');
      if (!input) return false;
      const carrier = new DataTransfer();
      carrier.items.add(files[0]);
      input.files = carrier.files;
      input.dispatchEvent(new Event('change', {bubbles: true}));
      return true;
    };
    if (put()) return;
    zone.querySelector('button[aria-label="Remove Image"]')?.click();
    const watcher = new MutationObserver(() => put() && watcher.disconnect());
    watcher.observe(zone, {childList: true, subtree: true});
  }, true);
  // The languages of ``language.py``, for screen readers and hyphens.
  const language = navigator.language.split('-')[0];
  document.documentElement.lang = ['de', 'fr', 'es'].includes(language) ? language : 'en';
  // A photograph in a drop zone is called what the zone is called.
  document.addEventListener('load', event => {
    const label = event.target.tagName === 'IMG' && event.target.closest(zones.join())?.querySelector('label');
    if (label) event.target.alt = label.innerText.trim();
  }, true);
  // Links to a tab.
  document.addEventListener('click', event => {
    const link = event.target.closest?.('[data-tab]');
    if (link) document.getElementById(`${link.dataset.tab}-button`)?.click();
  });
}
