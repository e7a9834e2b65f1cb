"""Whether a command of the AWS command line can be: its operation, and its options."""

import re
from functools import cache

import botocore.session
from botocore import xform_name

#: of every command (AWS CLI user guide, "Command line options")
_OF_ALL = {"region", "query", "output"}
#: what the command line has in the place of lists (awscli, customizations/ec2)
_SIMPLER = {
    **dict.fromkeys(
        ("AuthorizeSecurityGroupIngress", "RevokeSecurityGroupIngress"),
        {"protocol", "port", "cidr", "source-group"},
    ),
    # In place of --no-egress.
    "CreateNetworkAclEntry": {"ingress"},
}


@cache
def _model(service):
    return botocore.session.get_session().get_service_model(service)


def mistakes(fix):
    """What is wrong with the commands in a fix, as words; empty for nothing."""
    for command in re.findall(r"\baws ([a-z0-9-]+ [a-z0-9-]+[^;|]*)", fix):
        service, name, *_ = command.split()
        operations = {
            xform_name(each, "-"): each for each in _model(service).operation_names
        }
        if name not in operations:
            yield f"aws {service} has no {name}"
            continue
        operation = operations[name]
        shape = _model(service).operation_model(operation).input_shape
        known = {xform_name(member, "-") for member in shape.members}
        known |= _OF_ALL | _SIMPLER.get(operation, set())
        # A switch is an option, too.
        given = set(re.findall(r"(?<= --)[a-z0-9-]+", command))
        given = {each.removeprefix("no-") for each in given}
        yield from (f"aws {service} {name} has no --{o}" for o in sorted(given - known))
