// The whole setting in an address, behind the sign #: `kind=sine&width=16&at=120`. Only what
// differs from the defaults is written, numbers with all their digits, so that a link
// reproduces a run exactly. It needs STATE (the engine).
const LINK = (() => {
  const WITHIN = {
    data: ["kind", "count", "test", "noise", "seed", "points", "held_out"],
    network: ["depth", "width", "activation", "weight_std", "bias_std", "parametrization", "seed",
      "zero_output", "scale"],
    training: ["loss", "step", "batch", "weight_decay"],
  };
  const nameOf = (part, field) => (part === "data" && field === "seed" ? "data_seed" : field);
  const rows = (points) => points.map((row) => row.join(",")).join(";");
  const table = (text) => (text ? text.split(";").map((row) => row.split(",").map(Number)) : []);

  // `view` holds what is not part of the setting: the query and the step to run to.
  function write(state, view = {}) {
    const few = STATE.without(state), parts = [];
    for (const [part, fields] of Object.entries(WITHIN))
      for (const field of fields) {
        const value = few[part]?.[field];
        if (value === undefined || value === null) continue;
        const text = Array.isArray(value) ? rows(value) : String(value);
        parts.push(`${nameOf(part, field)}=${encodeURIComponent(text).replace(/%2C/g, ",").replace(/%3B/g, ";")}`);
      }
    if (view.query) parts.push(`query=${view.query.join(",")}`);
    if (view.at !== undefined && view.at !== null) parts.push(`at=${view.at}`);
    return parts.join("&");
  }

  // What an address says: {state (whole), view, problems, tour (its name)}. What cannot be is left out and
  // named in `problems`; an address of another kind (a section's) gives null.
  function read(fragment) {
    const text = fragment.replace(/^#/, "");
    if (!text.includes("=")) return null;
    const given = new Map();
    for (const part of text.split("&")) {
      const [name, value = ""] = part.split("=");
      try {
        given.set(decodeURIComponent(name), decodeURIComponent(value));
      } catch {
        given.set(name, value);
      }
    }
    const partial = {}, view = {}, problems = [];
    for (const [part, fields] of Object.entries(WITHIN))
      for (const field of fields) {
        const name = nameOf(part, field);
        if (!given.has(name)) continue;
        (partial[part] ??= {})[field] = value(part, field, given.get(name));
      }
    if (given.has("query")) view.query = given.get("query").split(",").map(Number);
    if (view.query?.some((each) => !Number.isFinite(each))) delete view.query;
    if (given.has("at")) view.at = Math.round(Number(given.get("at")));
    if (!(view.at >= 0)) delete view.at;
    return { ...sound(partial, problems), view, problems, tour: given.get("tour") };
  }

  function value(part, field, text) {
    if (field === "points" || field === "held_out") return table(text);
    const usual = STATE.complete({})[part][field];
    if (typeof usual === "boolean") return text === "true";
    return typeof usual === "number" ? Number(text) : text;
  }

  // Take out field after field that is not allowed, until the rest is.
  function sound(partial, problems) {
    for (let tries = 0; tries < 20; tries++) {
      const state = STATE.complete(partial), wrong = STATE.problems(state);
      if (!wrong.length) return { state };
      problems.push(...wrong.map((each) => each.text));
      let taken = false;
      for (const { field } of wrong) {
        const [part, name] = field.split(".");
        if (partial[part] && (name === undefined || name in partial[part])) {
          if (name === undefined) delete partial[part];
          else delete partial[part][name];
          taken = true;
        }
      }
      if (!taken) break;
    }
    return { state: STATE.complete({}) };
  }

  return { write, read };
})();
