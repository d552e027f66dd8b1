"""Forms of operators in inference."""

from symc.passes.inference_heads import UseInferenceForms


def test_labels_vanish(check):
    g = check(UseInferenceForms(), "%x, %label: f32[2]\n%y = test_loss(%x, %label)\n%z = sigmoid(%y)\nheads %y, %z",
              "%y = relu(%x)\n%z = sigmoid(%y)\nheads %y, %z")
    assert [node.name for node in g.variables] == ["x"]


def test_what_gives_its_input_passes_its_source_on(check):
    check(UseInferenceForms(), "%x: f32[2]\n%a = relu(%x)\n%b = test_noise(%a)\nheads %b",
          "%a = relu(%x)  # from a, b\nheads %a")


def test_nothing_to_do(check, unchanged):
    check(UseInferenceForms(), "%x: f32[2]\n%a = relu(%x)\nheads %a", unchanged)
