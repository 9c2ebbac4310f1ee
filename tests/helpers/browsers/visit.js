// Visits the book's pages one after the other in a frame, as large as a desktop and then
// as small as a phone, and tells the server of each what is wrong with it. It needs no
// driver, so it runs in any browser that opens an address.
const DESKTOP = [1280, 720];
const PHONE = [360, 740];
const PATIENCE = 120; // seconds, on a machine that is busy
const frame = document.querySelector("iframe");
const pause = (time) => new Promise((done) => setTimeout(done, time));

function resize([width, height]) {
  frame.style = `border: 0; width: ${width}px; height: ${height}px`;
}

// Let the page draw twice, and see its new size.
async function drawn() {
  for (let k = 0; k < 3; k++)
    await new Promise((done) => frame.contentWindow.requestAnimationFrame(done));
  await pause(100);
}

// A check of Python's side, on the page in the frame.
function ask(check) {
  const page = frame.contentWindow;
  const names = ["window", "document", "getComputedStyle"];
  const asked = new Function(...names, `return (${check})();`);
  return asked(page, page.document, page.getComputedStyle.bind(page));
}

async function until(met, seconds) {
  for (let k = 0; k < 10 * seconds && !met(); k++) await pause(100);
  return met();
}

// Every slider and every point that can be moved: does the picture follow?
async function deadControls(page) {
  const dead = [];
  const looks = (figure) => [...figure.querySelectorAll("svg")].map((s) => s.innerHTML).join();
  for (const slider of page.querySelectorAll("figure input[type=range]")) {
    const figure = slider.closest("figure");
    const before = looks(figure);
    slider.value = slider.value === slider.max ? slider.min : slider.max;
    slider.dispatchEvent(new frame.contentWindow.Event("input", { bubbles: true }));
    if (!(await until(() => looks(figure) !== before, PATIENCE))) dead.push(slider.outerHTML);
  }
  for (const point of page.querySelectorAll("figure [role=slider]")) {
    if (!point.getClientRects().length) continue; // the playground's maps, of one input
    const before = point.getAttribute("aria-valuetext");
    const moved = () => point.getAttribute("aria-valuetext") !== before;
    for (const key of ["ArrowUp", "ArrowRight"])
      point.dispatchEvent(
        new frame.contentWindow.KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }),
      );
    if (!(await until(moved, PATIENCE))) dead.push(point.outerHTML.slice(0, 150));
  }
  for (const piece of page.querySelectorAll("figure.ntk-piece"))
    if (!piece.querySelector(".ntk-live")) dead.push(`not alive: ${piece.className}`);
  for (const button of page.querySelectorAll(".ntk-train .ntk-controls button"))
    if (button.textContent.includes("To the end")) {
      button.click();
      const figure = button.closest("figure");
      if (!(await until(() => figure.textContent.includes("Trained."), PATIENCE)))
        dead.push("it does not come to the end of training");
    }
  return dead;
}

// One figure of each kind, saved as SVG and as PNG.
async function notTaken(page) {
  const missing = [];
  const saved = [];
  const link = frame.contentWindow.HTMLAnchorElement.prototype;
  const click = link.click;
  link.click = function () {
    saved.push([this.download, this.href]);
  };
  const kinds = ["figure:has(> img)", "figure.ntk-explore", "figure.ntk-piece"];
  for (const kind of kinds) {
    const buttons = [...(page.querySelector(kind)?.querySelectorAll(".ntk-take button") ?? [])];
    for (const [k, button] of buttons.entries()) {
      const count = saved.length;
      button.click();
      await until(() => saved.length > count, PATIENCE);
      const [name, address] = saved[count] ?? ["", ""];
      const good = k
        ? name.endsWith(".png") && /^data:image\/png/.test(address) && address.length > 9000
        : name.endsWith(".svg") && /^(data:image\/svg|.*\.svg$)/.test(address);
      if (!good) missing.push(`${kind}: ${button.textContent} ${address.slice(0, 40)}`);
    }
  }
  link.click = click;
  return missing;
}

async function whole(checks) {
  const page = frame.contentDocument;
  const wrong = {};
  const fits = (where) => {
    wrong[`too wide ${where}`] = ask(checks.OVERFLOW);
    wrong[`cut formulas ${where}`] = ask(checks.CUT)[1];
  };
  for (const folded of page.querySelectorAll("details")) folded.open = true;
  for (const button of page.querySelectorAll("button.toggle-button")) button.click();
  for (const image of page.images) image.loading = "eager";
  await Promise.allSettled([...page.images].map((image) => image.decode()));
  await drawn();
  Object.assign(wrong, ask(checks.WRONG));
  wrong["cut code"] = ask(checks.CUT)[0]; // on a phone it scrolls
  fits("on a desktop");
  wrong["does not move"] = await deadControls(page);
  wrong["cannot be saved"] = await notTaken(page);
  const ground = () => frame.contentWindow.getComputedStyle(page.body).backgroundColor;
  const light = ground();
  ask(checks.OTHER_THEME);
  await drawn();
  if (!(await until(() => ground() !== light, PATIENCE))) wrong.theme = [`stays ${light}`];
  fits("on a desktop in the other theme");
  resize(PHONE);
  await drawn();
  fits("on a phone in the other theme");
  ask(checks.OTHER_THEME);
  await drawn();
  if (!(await until(() => ground() === light, PATIENCE))) wrong.theme = [`does not become ${light}`];
  fits("on a phone");
  return wrong;
}

async function visit({ address, look }, checks) {
  resize(DESKTOP);
  frame.contentWindow.localStorage.clear();
  await new Promise((loaded) => {
    frame.onload = loaded;
    frame.src = "about:blank"; // else a new fragment would load nothing
  });
  await new Promise((loaded) => {
    frame.onload = loaded;
    frame.src = address;
  });
  // In WebKit the empty page's event may come late, in place of this page's.
  await until(() => frame.contentWindow.trouble, PATIENCE);
  await frame.contentWindow.MathJax?.startup?.promise;
  await drawn();
  let wrong = {};
  if (look) wrong = await whole(checks);
  else await pause(300);
  wrong.trouble = frame.contentWindow.trouble ?? ["the page was left"];
  return Object.fromEntries(Object.entries(wrong).filter(([, found]) => found.length));
}

function tell(report) {
  return fetch("/report", { method: "POST", body: JSON.stringify(report) });
}

(async () => {
  const { visits, checks } = await (await fetch("/visits.json")).json();
  for (const each of visits) {
    let wrong;
    try {
      wrong = await visit(each, checks);
    } catch (error) {
      wrong = { "the visit failed": [`${error} ${error.stack}`] };
    }
    await tell({ address: each.address, wrong });
  }
  await tell({ done: navigator.userAgent });
})();
