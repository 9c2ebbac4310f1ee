"""The playground in Firefox: it runs, fits, and has the numbers that Chromium has."""

from json import dumps

import numpy as np
import pytest

from tests.helpers.chromium import violations
from tests.helpers.firefox import firefox
from tests.helpers.playground import Opened

STATES = [
    {"network": {"scale": 0.3}},
    {"data": {"kind": "xor"}, "network": {"depth": 2}, "training": {"step": 1.2}},
]
START = """(async () => {{
  const {{ app, player }} = document.querySelector(".ntk-play").playground;
  app.start({}, {{ until: 60 }});
  const next = () => new Promise((go) => setTimeout(go, 50));
  do await next();
  while (!player.idle() || player.run.frame.step !== 60);
  const {{ network, linear, infinite }} = player.run.frame.models;
  return [network, linear, infinite].map((model) => [...model.outputs]);
}})()"""


@pytest.mark.weekly
@pytest.mark.parametrize("width", [1280, 360])
def test_firefox_computes_what_chromium_does(browser, tmp_path, width):
    chromium = Opened(browser, tmp_path, reduced_motion="reduce")
    with firefox(tmp_path / "profile") as fox:
        fox.open((tmp_path / "light.html").as_uri(), width)
        for state in STATES:
            chromium.start(state, 60)
            frame = chromium.frame()
            expected = [frame[name][2] for name in ("network", "linear", "infinite")]
            found = fox.evaluate(START.format(dumps(state)))
            for ours, theirs in zip(found, expected, strict=True):
                np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)
        wide = fox.evaluate("document.documentElement.scrollWidth")
        assert wide <= width
        assert fox.evaluate("document.querySelectorAll('.ntkp canvas').length") > 4
        assert violations(fox, ".ntk-play") == []
        assert fox.log == []
    chromium.close()
