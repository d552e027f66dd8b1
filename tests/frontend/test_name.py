"""Names that are made."""

import symc as mx


def test_counters_start_anew_in_a_block() -> None:
    data = mx.sym.Variable("data")
    with mx.name.NameManager():
        names = [mx.sym.FullyConnected(data, num_hidden=1).name, (data + 1).name]
        names.append(mx.sym.FullyConnected(num_hidden=1).name)
        with mx.name.NameManager():
            assert mx.sym.relu(data).name == "relu0"
        names.append((data + 2).name)
    assert names == ["fullyconnected0", "_plusscalar0", "fullyconnected1", "_plusscalar1"]


def test_prefix_goes_before_all_names_but_those_of_variables() -> None:
    with mx.name.Prefix("net_"):
        net = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=1, name="fc")
        unnamed = mx.sym.FullyConnected(net, num_hidden=1)
    assert net.list_arguments() == ["data", "net_fc_weight", "net_fc_bias"]
    assert unnamed.name == "net_fullyconnected0"


def test_a_manager_of_the_users() -> None:
    class Upper(mx.name.NameManager):
        def get(self, name: str | None, hint: str) -> str:
            return super().get(name, hint).upper()

    with Upper():
        assert mx.sym.relu(mx.sym.Variable("x")).name == "RELU0"
    assert mx.name.NameManager.current.get("given", "hint") == "given"
