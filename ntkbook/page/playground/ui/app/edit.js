// Changes of the data: points that are moved, added, removed; generated sets that become the
// reader's own as soon as one is touched. It needs STATE (the engine).
const EDIT = (() => {
  const MOST = 100, NEAR = 1e-3;
  const EDGE = 3; // points stay between −EDGE and EDGE
  const round = (value) => Number(Math.max(-EDGE, Math.min(EDGE, value)).toFixed(3));

  // A setting's points as rows (inputs, then target), training and test.
  function rowsOf(state) {
    const { x, y, testX, testY } = STATE.points(state);
    const rows = (inputs, targets) => Array.from(inputs, (at, k) => [...at, targets[k]]);
    return { points: rows(x, y), held_out: rows(testX, testY) };
  }
  // Make the set the reader's own: its points are written into the state.
  function own(draft) {
    if (draft.data.kind === "points") return;
    const { points, held_out } = rowsOf(draft);
    const short = (rows) => rows.map((row) => row.map((value) => Number(value.toFixed(3))));
    Object.assign(draft.data, { kind: "points", points: short(points), held_out: short(held_out) });
  }
  // What one change makes impossible elsewhere follows it.
  function repair(draft) {
    const { data, training } = draft;
    const usual = STATE.complete({});
    if (data.kind !== "points") Object.assign(data, { points: usual.data.points, held_out: usual.data.held_out });
    else if (data.held_out.length && data.held_out[0].length !== data.points[0]?.length) data.held_out = [];
    const count = data.kind === "points" ? data.points.length : data.count;
    if (training.batch >= count) training.batch = 0;
    if (training.loss === "logistic" && !binary(draft)) training.loss = "squared";
  }
  function binary(state) {
    const { y, testY } = STATE.points(state);
    return [...y, ...testY].every((label) => Math.abs(label) === 1);
  }

  function edits(app) {
    const { store } = app;
    const change = (field, recipe) => store.change(field, recipe);
    const free = (points, inputs, except = -1) => !points.some((row, k) =>
      k !== except && inputs.every((value, j) => Math.abs(value - row[j]) < NEAR));
    return {
      kind: (kind) => change("data.kind", (draft) => {
        if (kind === "points") own(draft);
        else draft.data.kind = kind;
      }),
      move: (index, a, b) => change(`point ${index}`, (draft) => {
        own(draft);
        const row = draft.data.points[index], plane = row.length === 3;
        const inputs = plane ? [round(a), round(b)] : [round(a)];
        if (!free(draft.data.points, inputs, index)) return;
        draft.data.points[index] = [...inputs, plane ? row[2] : round(b)];
      }),
      add: (a, b) => change(`new point ${store.get().data.points.length}`, (draft) => {
        own(draft);
        const { points } = draft.data, plane = app.dimension() === 2;
        const inputs = plane ? [round(a), round(b)] : [round(a)];
        if (points.length >= MOST) return app.tell(`At most ${MOST} points.`);
        if (!free(points, inputs)) return app.tell("There is a point with this input already.");
        points.push([...inputs, plane ? app.sign : round(b)]);
      }),
      remove: (index) => change(`without ${index} of ${store.get().data.points.length}`, (draft) => {
        own(draft);
        if (draft.data.points.length < 2) return app.tell("One point has to stay.");
        draft.data.points.splice(index, 1);
      }),
      // Nothing but one point, to draw from.
      clear: () => change("clear", (draft) => {
        own(draft);
        const [first] = draft.data.points;
        draft.data.points = [first.length === 3 ? [0, 0, app.sign] : [...first.slice(0, -1).map(() => 0), 0]];
        draft.data.held_out = [];
      }),
      // Of a table each `test`-th row is held out (0: none).
      table: (rows, test) => {
        app.private = true;
        const part = (held) => rows.filter((_, k) => (test > 0 && k % test === test - 1) === held);
        change("table", (draft) => Object.assign(draft.data, { kind: "points", points: part(false), held_out: part(true) }));
      },
    };
  }
  return { edits, repair, binary, rowsOf, EDGE };
})();
