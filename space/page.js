() => {
  // Files that are pasted or dropped anywhere come to the zone that is seen and takes them.
  const photographs = ['#reference', '#photo', '#truth', '#experiment-photo'];
  const zones = [...photographs, '#batch-files', '#recipe-file'];
  const seen = selector => {
    const zone = document.querySelector(selector);
    return zone && zone.checkVisibility() ? zone : null;
  };
  const give = (zone, files) => {
    const put = () => {
      const input = zone.querySelector('input[type=file]');
      if (!input) return false;
      const carrier = new DataTransfer();
      files.forEach(file => carrier.items.add(file));
      input.files = carrier.files;
      input.dispatchEvent(new Event('change', {bubbles: true}));
      return true;
    };
    if (put()) return;
    zone.querySelector('button[aria-label="Remove Image"]')?.click();
    const watcher = new MutationObserver(() => put() && watcher.disconnect());
    watcher.observe(zone, {childList: true, subtree: true});
  };
  const takeOver = event => {
    event.preventDefault();
    event.stopPropagation();
  };
  document.addEventListener('paste', event => {
    if (event.defaultPrevented || event.target.closest?.('input, textarea, [contenteditable]')) return;
    const files = [...(event.clipboardData?.files || [])].filter(file => file.type.startsWith('image/'));
    const zone = files.length && photographs.map(seen).find(found => found);
    if (!zone) return;
    takeOver(event);
    give(zone, files.slice(0, 1));
  }, true);
  const carriesFiles = event => event.dataTransfer?.types.includes('Files');
  document.addEventListener('dragover', event => { if (carriesFiles(event)) event.preventDefault(); });
  document.addEventListener('drop', event => {
    if (!carriesFiles(event)) return;
    const files = [...event.dataTransfer.files], batch = seen('#batch-files'), zone = event.target.closest(zones.join());
    const takes = event.target.closest('[aria-dropeffect=copy]');  // Gradio does: not where a picture is shown
    const recipe = files.find(file => /\.json$/i.test(file.name));
    if (recipe && !batch && !(takes && zone?.id === 'recipe-file')) {
      // A recipe repeats its colors on the photograph, wherever it is dropped.
      takeOver(event);
      document.getElementById('tab-colorize-button')?.click();
      give(document.getElementById('dropped-recipe'), [recipe]);
    } else if (!takes) {
      takeOver(event);  // or the browser leaves the page and shows the file
      const other = zone || batch || photographs.map(seen).find(found => found);
      if (other) give(other, other === batch ? files : files.slice(0, 1));
    }
  }, true);
  // The languages of ``language.py``, for screen readers and hyphens.
  const language = navigator.language.split('-')[0];
  document.documentElement.lang = ['de', 'fr', 'es'].includes(language) ? language : 'en';
  // A photograph in a drop zone is called what the zone is called.
  document.addEventListener('load', event => {
    const label = event.target.tagName === 'IMG' && event.target.closest(photographs.join())?.querySelector('label');
    if (label) event.target.alt = label.innerText.trim();
  }, true);
  // Links to a tab.
  document.addEventListener('click', event => {
    const link = event.target.closest?.('[data-tab]');
    if (link) document.getElementById(`${link.dataset.tab}-button`)?.click();
  });
}
