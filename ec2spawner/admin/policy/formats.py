"""A policy as text: for AWS's own tools, for Terraform and for CloudFormation. Pure.

All give it to a role as an inline policy: a managed one may have 6,144 characters, all
inline ones of a role 10,240 (IAM user guide, "IAM and AWS STS quotas").
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Sequence
from typing import Any

from .statement import Statement

_NAME = "ec2spawner"


def as_json(policy: dict[str, Any]) -> str:
    """The document itself."""
    return json.dumps(policy, indent=2)


def as_terraform(policy: dict[str, Any]) -> str:
    """A file that asks for the role's name as ``hub_role``."""
    # HCL reads JSON, and ${ in texts as its own.
    text = as_json(policy).replace("${", "$${")
    return textwrap.dedent("""\
        variable "hub_role" {
          description = "The name of the role of the Hub's computer"
          type        = string
        }

        resource "aws_iam_role_policy" "ec2spawner" {
          name   = "%s"
          role   = var.hub_role
          policy = jsonencode(%s)
        }""") % (_NAME, textwrap.indent(text, "  ").lstrip())


def as_cloudformation(policy: dict[str, Any]) -> str:
    """A template that asks for the role's name as ``HubRole``."""
    template = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "What a JupyterHub with ec2spawner may do on AWS",
        "Parameters": {
            "HubRole": {
                "Type": "String",
                "Description": "The name of the role of the Hub's computer",
            }
        },
        "Resources": {
            "HubPolicy": {
                "Type": "AWS::IAM::Policy",
                "Properties": {
                    "PolicyName": _NAME,
                    "PolicyDocument": policy,
                    "Roles": [{"Ref": "HubRole"}],
                },
            }
        },
    }
    return json.dumps(template, indent=2)


FORMATS: dict[str, Callable[[dict[str, Any]], str]] = {
    "json": as_json,
    "terraform": as_terraform,
    "cloudformation": as_cloudformation,
}


def explained(found: Sequence[Statement]) -> str:
    """What each statement is for, and the calls that it allows."""
    return "\n\n".join(
        "\n".join(
            [
                each.sid,
                *textwrap.wrap(
                    each.why, 86, initial_indent="  ", subsequent_indent="  "
                ),
                *textwrap.wrap(
                    ", ".join(each.actions),
                    86,
                    initial_indent="  ",
                    subsequent_indent="  ",
                ),
            ]
        )
        for each in found
    )
