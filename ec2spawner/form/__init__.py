"""The spawn form: what is offered, as people see it."""
