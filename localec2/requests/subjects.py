"""What a request to EC2 is about, as IAM sees it: resources, and what is known of them.

Service authorization reference, "Actions, resources, and condition keys for Amazon
EC2".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .policy import Subject
from .request import ApiRequest

#: the tags of what is there, by its id
TagsOf = Callable[[str], Mapping[str, str]]

_KINDS = {
    "i": "instance",
    "vol": "volume",
    "snap": "snapshot",
    "eni": "network-interface",
    "eipalloc": "elastic-ip",
    "ami": "image",
    "subnet": "subnet",
    "sg": "security-group",
}
#: in no account's name
_NOBODYS = ("image", "snapshot")
#: parameters that name what a call is about
_NAMED = (
    "InstanceId",
    "VolumeId",
    "SnapshotId",
    "ImageId",
    "NetworkInterfaceId",
    "AllocationId",
)
#: what each of these makes
_MAKES = {
    "RunInstances": ("instance",),
    "CreateVolume": ("volume",),
    "CreateSnapshot": ("snapshot",),
    "CreateImage": ("image", "snapshot"),
    "CopyImage": ("image", "snapshot"),
}


class Reader:
    """Reads the requests to one Region.

    :param account: twelve digits
    """

    def __init__(self, account: str, tags_of: TagsOf) -> None:
        self._account = account
        self._tags_of = tags_of

    def subjects(self, request: ApiRequest) -> Iterator[Subject]:
        """All that must be allowed."""
        action = f"ec2:{request.action}"
        base = {"aws:RequestedRegion": request.region}
        if request.action == "RunInstances":
            yield from self._launch(request, base)
        elif request.action == "CreateTags":
            yield from self._tags(request, base)
        elif request.action in _MAKES:
            yield from self._makes(request, base)
        else:
            named = list(self._named(request))
            looks = request.action.startswith("Describe")
            if looks or not named:
                yield Subject(action, "*", base)
                return
            own = {**base, **self._attributes(request)}
            for id in named:
                yield self._of(request, action, id, own)
        yield from self._tagged(request, base)

    def _named(self, request: ApiRequest) -> Iterator[str]:
        for name in _NAMED:
            if id := request.get(name):
                yield id
            yield from request.numbered(name)

    def _attributes(self, request: ApiRequest) -> dict[str, Any]:
        kind = request.get("InstanceType.Value")
        return {"ec2:Attribute/InstanceType": kind} if kind else {}

    def _of(
        self, request: ApiRequest, action: str, id: str, context: Mapping[str, Any]
    ) -> Subject:
        """Something that is there."""
        kind = _KINDS.get(id.rpartition("-")[0], "")
        tags = self._tags_of(id)
        own = {f"ec2:ResourceTag/{key}": value for key, value in tags.items()}
        return Subject(action, self._arn(request, kind, id), {**context, **own})

    def _new(
        self, request: ApiRequest, kind: str, context: Mapping[str, Any]
    ) -> Subject:
        """Something that it makes, with the tags that it gets."""
        tags = _request_tags(request, kind)
        action = f"ec2:{request.action}"
        return Subject(action, self._arn(request, kind, "new"), {**context, **tags})

    def _arn(self, request: ApiRequest, kind: str, name: str) -> str:
        account = "" if kind in _NOBODYS else self._account
        return f"arn:aws:ec2:{request.region}:{account}:{kind}/{name}"

    def _makes(self, request: ApiRequest, base: Mapping[str, Any]) -> Iterator[Subject]:
        made = {**base}
        if request.action == "CreateVolume":
            made["ec2:Encrypted"] = request.get("Encrypted") or "false"
            if size := request.get("Size"):
                made["ec2:VolumeSize"] = size
        for kind in _MAKES[request.action]:
            yield self._new(request, kind, made)
        for id in self._named(request):
            yield self._of(request, f"ec2:{request.action}", id, base)

    def _launch(
        self, request: ApiRequest, base: Mapping[str, Any]
    ) -> Iterator[Subject]:
        action = "ec2:RunInstances"
        instance = {
            **base,
            "ec2:InstanceType": request.get("InstanceType") or "m1.small",
            "ec2:MetadataHttpTokens": request.get("MetadataOptions.HttpTokens")
            or "optional",
        }
        if arn := self._profile(request):
            instance["ec2:InstanceProfile"] = arn
        yield self._new(request, "instance", instance)
        if image := request.get("ImageId"):
            yield self._of(request, action, image, base)
        for disk in request.groups("BlockDeviceMapping"):
            size = disk.get("Ebs.VolumeSize")
            bound = {"ec2:VolumeSize": size} if size else {}
            yield self._new(request, "volume", {**base, **bound})
            if snapshot := disk.get("Ebs.SnapshotId"):
                yield self._of(request, action, snapshot, base)
        for interface in request.groups("NetworkInterface"):
            yield self._new(request, "network-interface", base)
            for name, value in interface.items():
                if name == "SubnetId" or name.startswith("SecurityGroupId."):
                    yield self._of(request, action, value, base)
        if request.get("InstanceMarketOptions.MarketType") == "spot":
            yield self._new(request, "spot-instances-request", base)
        if key := request.get("KeyName"):
            yield Subject(action, self._arn(request, "key-pair", key), base)

    def _profile(self, request: ApiRequest) -> str:
        if arn := request.get("IamInstanceProfile.Arn"):
            return arn
        name = request.get("IamInstanceProfile.Name")
        return f"arn:aws:iam::{self._account}:instance-profile/{name}" if name else ""

    def _tags(self, request: ApiRequest, base: Mapping[str, Any]) -> Iterator[Subject]:
        pairs = request.groups("Tag")
        keys = [pair.get("Key", "") for pair in pairs]
        own = {f"aws:RequestTag/{p.get('Key', '')}": p.get("Value", "") for p in pairs}
        for id in request.numbered("ResourceId"):
            context = {**base, **own, "aws:TagKeys": keys}
            yield self._of(request, "ec2:CreateTags", id, context)

    def _tagged(
        self, request: ApiRequest, base: Mapping[str, Any]
    ) -> Iterator[Subject]:
        """Who makes something with tags needs the right to tag it, too."""
        for kind, tags in request.tag_specifications():
            if tags:
                context = {
                    **base,
                    **_request_tags(request, kind),
                    "ec2:CreateAction": request.action,
                    "aws:TagKeys": [key for key, _ in tags],
                }
                arn = self._arn(request, kind, "new")
                yield Subject("ec2:CreateTags", arn, context)


def _request_tags(request: ApiRequest, kind: str) -> dict[str, str]:
    return {
        f"aws:RequestTag/{key}": value
        for each, tags in request.tag_specifications()
        if each == kind
        for key, value in tags
    }
