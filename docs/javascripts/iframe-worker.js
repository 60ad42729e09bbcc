// Browsers start no worker for a page that is opened from the disk, and Material's search
// runs in one. There, a hidden frame takes the worker's place.
if (location.protocol === 'file:') {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      const frame = document.createElement('iframe');
      frame.hidden = true;
      frame.srcdoc = `<script src="${url}"></script>`;
      this.inner = new Promise((resolve) => {
        frame.addEventListener('load', () => {
          frame.contentWindow.postMessage = (data) =>
            this.dispatchEvent(new MessageEvent('message', { data }));
          resolve(frame.contentWindow);
        });
      });
      document.body.append(frame);
    }

    async postMessage(data) {
      const inner = await this.inner;
      inner.dispatchEvent(new MessageEvent('message', { data }));
    }
  };
}
