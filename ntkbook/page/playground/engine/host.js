// The engine where it runs: in a worker, or in the page where none may be made. It is asked
// with messages, and answers come in their order; playgroundEngine is the function that
// holds the scripts above, and a worker is made from its text and PROGRAM (pieces.py).
const HOST = (() => {
  // Whether the page's policy lets a worker be made of a text: to try it where it does not
  // would put an error on the console.
  function allowed() {
    const policy = document.querySelector('meta[http-equiv="Content-Security-Policy"]')?.content;
    if (!policy) return true;
    const rules = Object.fromEntries(policy.split(";").map((rule) => {
      const [name, ...sources] = rule.trim().split(/\s+/);
      return [name, sources];
    }));
    const sources = rules["worker-src"] ?? rules["child-src"] ?? rules["script-src"] ?? rules["default-src"];
    return !sources || sources.includes("blob:");
  }

  // `place` is the address of the worker's file; without one a worker is made of a text.
  // From a folder on disk browsers start no worker.
  function connect(place = null) {
    const waiting = new Map(), self = { where: null };
    let number = 0, epoch = 0, worker = null, local = null, closed = false, queue = [];

    function arrived(at, answer) {
      const { resolve, reject, of } = waiting.get(at) ?? {};
      if (!resolve) return;
      waiting.delete(at);
      if (of < epoch) resolve({ type: "stale" });
      else if (answer.type === "error") reject(new Error(answer.text));
      else resolve(answer);
    }

    // Messages sent before it was known where the engine runs.
    function open(where) {
      if (self.where || closed) return;
      self.where = where;
      if (where === "page") {
        worker?.terminate();
        worker = null;
        local = playgroundEngine().serve();
      }
      queue.forEach(send);
      queue = [];
    }

    function send([at, message]) {
      if (worker) {
        worker.postMessage([at, message]);
        return;
      }
      setTimeout(() => { // the page draws and listens in between
        if (closed || !waiting.has(at)) return;
        if (waiting.get(at).of < epoch) return arrived(at, { type: "stale" });
        try {
          arrived(at, local(message));
        } catch (error) {
          arrived(at, { type: "error", text: String(error.stack ?? error) });
        }
      });
    }

    self.ask = (message) => new Promise((resolve, reject) => {
      const at = number++;
      if (message.type === "set") epoch = at;
      waiting.set(at, { resolve, reject, of: at });
      if (closed) arrived(at, { type: "stale" });
      else if (self.where) send([at, message]);
      else queue.push([at, message]);
    });
    self.close = () => {
      closed = true;
      worker?.terminate();
      for (const at of [...waiting.keys()]) arrived(at, { type: "stale" });
    };

    if (typeof Worker === "undefined" || (place ? location.protocol === "file:" : !allowed())) {
      open("page");
      return self;
    }
    try {
      const text = `const engine = (${playgroundEngine})();${PROGRAM}`;
      const address = place ?? URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
      worker = new Worker(address);
      worker.onmessage = ({ data: [at, answer] }) => {
        if (at >= 0) return arrived(at, answer);
        if (!place) URL.revokeObjectURL(address);
        open("worker");
      };
      worker.onerror = (event) => {
        event.preventDefault();
        if (!self.where) return open("page");
        for (const at of [...waiting.keys()]) arrived(at, { type: "error", text: "the worker stopped" });
      };
    } catch {
      open("page");
    }
    return self;
  }

  return { connect };
})();
