"""Roots with memory of their own."""

from symc.passes.materialize import Materialize


def test_nothing_to_do(check, unchanged):
    check(Materialize(), """
        %x: f32[4]
        %r = relu(%x)
        heads %r
    """, unchanged)


def test_variables_views_and_repeated_heads_are_copied(check):
    check(Materialize(), """
        %x: f32[4,2]
        %v = _reshape(%x) shape=(8,)
        %r = relu(%x)
        heads %x, %v, %r, %r
    """, """
        %x/copy1 = _copy(%x)
        %v = _reshape(%x) shape=(8,)
        %v/copy1 = _copy(%v)
        %r = relu(%x)
        %r/copy1 = _copy(%r)
        heads %x/copy1, %v/copy1, %r, %r/copy1
    """)


def test_a_gradient_that_is_added_reads_its_buffer(check):
    check(Materialize(), """
        %x: f32[4]    %d: f32[4]
        %r = relu(%x)
        %g = elemwise_mul(%r, %d)
        heads %r
        gradient %x += %g
    """, """
        %r = relu(%x)
        %g = elemwise_mul(%r, %d)
        %x/elemwise_add1 = elemwise_add(%g, %_accumulated/x)
        heads %r
        gradient %x += %x/elemwise_add1
    """)


def test_an_update_is_copied_if_another_output_of_its_node_is_read(check):
    check(Materialize(), """
        %w, %g, %m: f32[4]
        %n = sgd_mom_update(%w, %g, %m) lr=0.1
        %y = exp(%n)
        heads %y
        update forward %m = %n#1
    """, """
        %n = sgd_mom_update(%w, %g, %m) lr=0.1
        %y = exp(%n)
        %n/copy1 = _copy(%n#1)
        heads %y
        update forward %m = %n/copy1
    """)


def test_an_update_is_copied_if_the_copy_of_a_repeated_head_reads_its_node(check):
    check(Materialize(), """
        %w, %g, %m: f32[4]
        %n = sgd_mom_update(%w, %g, %m) lr=0.1
        heads %n, %n
        update forward %m = %n#1
    """, """
        %n = sgd_mom_update(%w, %g, %m) lr=0.1
        %n/copy1 = _copy(%n)
        %n/copy1.1 = _copy(%n#1)
        heads %n, %n/copy1
        update forward %m = %n/copy1.1
    """)


def test_an_update_that_others_read_is_copied_and_the_last_of_a_variable_counts(check):
    check(Materialize(), """
        %x, %s, %t: f32[4]
        %n = exp(%x)
        %y = elemwise_add(%n, %s)
        %m = negative(%t)
        heads %y
        update backward %s = %m
        update backward %s = %n
        update backward %t = %m
    """, """
        %n = exp(%x)
        %y = elemwise_add(%n, %s)
        %n/copy1 = _copy(%n)
        %m = negative(%t)
        heads %y
        update backward %s = %n/copy1
        update backward %t = %m
    """)
