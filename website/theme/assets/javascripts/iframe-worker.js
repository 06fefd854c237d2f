/* Search on pages that are opened from disk, where browsers start no worker: the same script runs in a
   hidden frame. The theme would load such a stand-in from a CDN. Over http it does nothing. */
(function () {
  "use strict"
  if (location.protocol !== "file:") return
  const inside = `<!doctype html><body><script>
    self.postMessage = data => frameElement.answer(data)
    self.importScripts = (...names) => Promise.all(names.map(name => new Promise((done, failed) => {
      const part = document.createElement("script")
      part.src = name
      part.onload = done
      part.onerror = failed
      document.body.append(part)
    })))
  <\/script>`
  window.Worker = window.IFrameWorker = class IFrameWorker extends EventTarget {
    constructor(url) {
      super()
      const script = document.createElement("script")
      script.src = url
      this.frame = document.createElement("iframe")
      this.frame.hidden = true
      this.frame.answer = data => this.dispatchEvent(new MessageEvent("message", { data }))
      this.loaded = new Promise(done => this.frame.addEventListener("load", done))
      this.frame.srcdoc = inside + script.outerHTML
      document.body.append(this.frame)
    }
    postMessage(data) {
      const event = () => new MessageEvent("message", { data })
      this.loaded.then(() => this.frame.contentWindow.dispatchEvent(event()))
    }
    terminate() {
      this.frame.remove()
    }
  }
})()
