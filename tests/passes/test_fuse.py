"""Fusion into groups."""

from symc.passes.fuse import Fuse


def test_contraction_takes_its_epilogue(check):
    check(Fuse(), """
        %x: f32[4,8]    %w: f32[16,8]    %b: f32[16]    %skip: f32[4,16]
        %c = FullyConnected(%x, %w, %b) num_hidden=16
        %s = elemwise_add(%c, %skip)
        %r = relu(%s)
        heads %r
    """, """
        %c_s_r = group(%x, %w, %b, %skip) master=contraction {
        ...
        %c = FullyConnected(%in0, %in1, %in2) num_hidden=16
        %s = elemwise_add(%c, %in3)
        %r = relu(%s)
        heads %r
        }  # from c, s, r
        heads %c_s_r
    """)


def test_a_value_that_others_need_leaves_the_group_too(check):
    check(Fuse(), """
        %x: f32[4,8]    %w: f32[16,8]
        %c = FullyConnected(%x, %w) num_hidden=16 no_bias=True
        %r = relu(%c)
        heads %r, %c
    """, """
        %c_r = group(%x, %w) master=contraction {
        ...
        heads %c, %r
        }  # from c, r
        heads %c_r#1, %c_r
    """)


def test_chains_and_diamonds_of_elementwise_operators(check):
    check(Fuse(), """
        %x: f32[4,8]    %y: f32[4,8]
        %a = elemwise_add(%x, %y)
        %l = relu(%a)
        %r = negative(%a)
        %p = elemwise_mul(%l, %r)
        heads %p
    """, """
        %a_l_to_p = group(%x, %y) master=injective {
        ...
        heads %p
        }  # from a, l, r, p
        heads %a_l_to_p
    """)


def test_expensive_values_are_not_computed_again_for_each_reader(check):
    check(Fuse(), """
        %x: f32[4,1]    %y: f32[4,512]
        %e = exp(%x)
        %m = broadcast_mul(%e, %y)
        heads %m
    """, """
        %e = group(%x) master=injective {
        ...
        }
        %m = group(%e, %y) master=injective {
        ...
        }
        heads %m
    """)


def test_reduction_with_prologue_and_epilogue(check):
    check(Fuse(), """
        %x: f32[4,512]
        %q = square(%x)
        %s = sum(%q) axis=(1,)
        %r = sqrt(%s)
        heads %r
    """, """
        %q_s_r = group(%x) master=reduction {
        ...
        heads %r
        }  # from q, s, r
        heads %q_s_r
    """)


def test_no_cycle_through_a_third_group(check):
    """a → FullyConnected → p, and a → p: what is between must not end up on both sides."""
    result = check(Fuse(), """
        %x: f32[4,4]    %w: f32[4,4]
        %a = exp(%x)
        %c = FullyConnected(%a, %w) num_hidden=4 no_bias=True
        %n = softmax(%c)
        %p = elemwise_add(%a, %n)
        heads %p
    """, """
        %a = group(%x) master=injective {
        ...
        heads %{}
    """.replace("%{}", "%n_p"))
    assert [node.name for node in result.nodes if node.op] == ["a", "c", "n_p"]


def test_views_stay_between_groups(check):
    check(Fuse(), """
        %x: f32[4,8]
        %a = relu(%x)
        %v = _reshape(%a) shape=(8,4)
        %b = exp(%v)
        heads %b
    """, """
        %a = group(%x) master=injective {
        ...
        }
        %v = _reshape(%a) shape=(8,4)
        %b = group(%v) master=injective {
        ...
        }
        heads %b
    """)


def test_forward_and_backward_do_not_mix(check):
    result = check(Fuse(), """
        %x: f32[4,8]    %d: f32[4,8]
        %r = relu(%x)
        %g = elemwise_mul(%r, %d)
        heads %r
        gradient %x = %g
    """, """
        %r = group(%x) master=injective {
        ...
        }
        %g = group(%r, %d) master=injective {
        ...
        }
        heads %r
        gradient %x = %g
    """)
    assert all(node.sources for node in result.nodes)


def test_what_parameters_alone_determine_is_apart(check):
    check(Fuse(frozenset({"w", "g"})), """
        %x: f32[4,8]    %w: f32[16,8]    %g: f32[16,1]
        %s = broadcast_mul(%w, %g)
        %n = negative(%s)
        %c = FullyConnected(%x, %n) num_hidden=16 no_bias=True
        heads %c
    """, """
        %s_n = group(%w, %g) master=injective {
        ...
        }
        %c = group(%x, %s_n) master=contraction {
        ...
        }
        heads %c
    """)


def test_updates_and_other_results_are_apart(check):
    """What reads the old state must run before the group that writes the new one."""
    check(Fuse(), """
        %x, %s: f32[4,8]
        %a = relu(%x)
        %n = elemwise_add(%a, %s)
        %y = elemwise_mul(%a, %s)
        heads %y
        update forward %s = %n
    """, """
        %a_y = group(%x, %s) master=injective {
        ...
        }  # from a, y
        %n = group(%a_y, %s) master=injective {
        ...
        }
        heads %a_y#1
        update forward %s = %n
    """)


def test_an_epilogue_reads_what_is_repeated_along_any_dimensions(check):
    check(Fuse(), """
        %a: f32[4,3,8]    %b: f32[4,8,5]    %m: f32[4,1,5]
        %p = batch_dot(%a, %b)
        %n = broadcast_add(%p, %m)
        heads %n
    """, """
        %p_n: f32[4,3,5] = group(%a, %b, %m) master=contraction {
        ...
        }
        heads %p_n
    """)
