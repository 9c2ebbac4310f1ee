// The setting that is shown, and those before it: undo and redo. Changes of one control in
// quick succession count as one.
const STORE = (() => {
  const SAME = 800; // milliseconds within which changes of one field are one
  const KEPT = 200;
  const copy = (state) => JSON.parse(JSON.stringify(state));

  function create(first, changed) {
    let now = copy(first), past = [], future = [], lastField = null, lastTime = 0;
    const tell = (why) => changed(now, why);
    // `recipe(draft)` changes a copy; `field` names the control.
    function change(field, recipe) {
      const draft = copy(now);
      recipe(draft);
      if (JSON.stringify(draft) === JSON.stringify(now)) return false;
      const time = performance.now();
      if (field !== lastField || time - lastTime > SAME) {
        past.push(now);
        if (past.length > KEPT) past.shift();
      }
      lastField = field;
      lastTime = time;
      future = [];
      now = draft;
      tell(field);
      return true;
    }
    function back(from, to) {
      if (!from.length) return false;
      to.push(now);
      now = from.pop();
      lastField = null;
      tell("history");
      return true;
    }
    return {
      get: () => now,
      change,
      replace: (state, why = "whole") => change(why, (draft) => {
        for (const key of Object.keys(draft)) delete draft[key];
        Object.assign(draft, copy(state));
      }),
      undo: () => back(past, future),
      redo: () => back(future, past),
      canUndo: () => past.length > 0,
      canRedo: () => future.length > 0,
      rest: () => (lastField = null),
    };
  }
  return { create, copy };
})();
