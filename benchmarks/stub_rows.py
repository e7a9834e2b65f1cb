"""One machine as DescribeInstances shows it: XML as long as AWS's."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

ZONE = "us-west-2a"

# What DescribeInstances tells of one machine with a root disk and a home, in the order
# and with the white space of AWS's answers (EC2 API reference, DescribeInstances).
_RESERVATION = """        <item>
            <{first}>{first_value}</{first}>
            <{second}>{second_value}</{second}>
            <groupSet/>
            <instancesSet>
                <item>
                    <instanceId>{id}</instanceId>
                    <imageId>ami-0123456789abcdef0</imageId>
                    <instanceState>
                        <code>{code}</code>
                        <name>{state}</name>
                    </instanceState>
                    <privateDnsName>ip-{dashes}.us-west-2.compute.internal</privateDnsName>
                    <dnsName/>
                    <reason/>
                    <amiLaunchIndex>0</amiLaunchIndex>
                    <productCodes/>
                    <instanceType>t3.small</instanceType>
                    <launchTime>{launched}</launchTime>
                    <placement>
                        <availabilityZone>us-west-2a</availabilityZone>
                        <availabilityZoneId>usw2-az1</availabilityZoneId>
                        <groupName/>
                        <tenancy>default</tenancy>
                    </placement>
                    <monitoring>
                        <state>disabled</state>
                    </monitoring>
                    <subnetId>subnet-0123456789abcdef0</subnetId>
                    <vpcId>vpc-0123456789abcdef0</vpcId>
                    <privateIpAddress>{address}</privateIpAddress>
                    <sourceDestCheck>true</sourceDestCheck>
                    <groupSet>
                        <item>
                            <groupId>sg-0123456789abcdef0</groupId>
                            <groupName>machines</groupName>
                        </item>
                    </groupSet>
                    <architecture>x86_64</architecture>
                    <rootDeviceType>ebs</rootDeviceType>
                    <rootDeviceName>/dev/xvda</rootDeviceName>
                    <blockDeviceMapping>
                        <item>
                            <deviceName>/dev/xvda</deviceName>
                            <ebs>
                                <volumeId>vol-a{number:016x}</volumeId>
                                <status>attached</status>
                                <attachTime>{launched}</attachTime>
                                <deleteOnTermination>true</deleteOnTermination>
                            </ebs>
                        </item>
                        <item>
                            <deviceName>/dev/sdh</deviceName>
                            <ebs>
                                <volumeId>vol-b{number:016x}</volumeId>
                                <status>attached</status>
                                <attachTime>{launched}</attachTime>
                                <deleteOnTermination>false</deleteOnTermination>
                            </ebs>
                        </item>
                    </blockDeviceMapping>
                    <virtualizationType>hvm</virtualizationType>
                    <clientToken>{token}</clientToken>
                    <tagSet>
{tags}                    </tagSet>
                    <hypervisor>xen</hypervisor>
                    <networkInterfaceSet>
                        <item>
                            <networkInterfaceId>eni-{number:017x}</networkInterfaceId>
                            <subnetId>subnet-0123456789abcdef0</subnetId>
                            <vpcId>vpc-0123456789abcdef0</vpcId>
                            <description/>
                            <ownerId>123456789012</ownerId>
                            <status>in-use</status>
                            <macAddress>02:00:00:00:00:00</macAddress>
                            <privateIpAddress>{address}</privateIpAddress>
                            <sourceDestCheck>true</sourceDestCheck>
                            <groupSet>
                                <item>
                                    <groupId>sg-0123456789abcdef0</groupId>
                                    <groupName>machines</groupName>
                                </item>
                            </groupSet>
                            <attachment>
                                <attachmentId>eni-attach-{number:017x}</attachmentId>
                                <deviceIndex>0</deviceIndex>
                                <status>attached</status>
                                <attachTime>{launched}</attachTime>
                                <deleteOnTermination>true</deleteOnTermination>
                            </attachment>
                            <privateIpAddressesSet>
                                <item>
                                    <privateIpAddress>{address}</privateIpAddress>
                                    <primary>true</primary>
                                </item>
                            </privateIpAddressesSet>
                            <ipv6AddressesSet/>
                        </item>
                    </networkInterfaceSet>
                    <ebsOptimized>true</ebsOptimized>
                    <enaSupport>true</enaSupport>
                    <hibernationOptions>
                        <configured>false</configured>
                    </hibernationOptions>
                    <cpuOptions>
                        <coreCount>1</coreCount>
                        <threadsPerCore>2</threadsPerCore>
                    </cpuOptions>
                    <capacityReservationSpecification>
                        <capacityReservationPreference>open</capacityReservationPreference>
                    </capacityReservationSpecification>
                    <metadataOptions>
                        <state>applied</state>
                        <httpTokens>required</httpTokens>
                        <httpPutResponseHopLimit>1</httpPutResponseHopLimit>
                        <httpEndpoint>enabled</httpEndpoint>
                    </metadataOptions>
                    <enclaveOptions>
                        <enabled>false</enabled>
                    </enclaveOptions>
                </item>
            </instancesSet>
        </item>
"""
_TAG = """                        <item>
                            <key>{}</key>
                            <value>{}</value>
                        </item>
"""
_CODES = {"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48}


def instance_id(number: int) -> str:
    return f"i-{number:017x}"


def address(number: int) -> str:
    """Loopback, so that something may answer there."""
    return f"127.{1 + number // 65536}.{number // 256 % 256}.{number % 256}"


@dataclass
class Row:
    """One machine, and its XML, as long as it does not change."""

    number: int
    state: str
    tags: Mapping[str, str]
    token: str = ""
    launched: str = "2026-11-01T08:00:00.000Z"
    runs_at: float = 0.0
    rendered: bytes = b""

    @property
    def id(self) -> str:
        return instance_id(self.number)

    def xml(self, cuts: bool) -> bytes:
        if self.state == "pending" and time.monotonic() > self.runs_at:
            self.state, self.rendered = "running", b""
        if not self.rendered:
            pairs = [("reservationId", f"r-{self.number:017x}")]
            pairs.insert(cuts, ("ownerId", "123456789012"))
            self.rendered = _RESERVATION.format(
                first=pairs[0][0],
                first_value=pairs[0][1],
                second=pairs[1][0],
                second_value=pairs[1][1],
                id=self.id,
                number=self.number,
                state=self.state,
                code=_CODES[self.state],
                address=address(self.number),
                dashes=address(self.number).replace(".", "-"),
                launched=self.launched,
                token=self.token,
                tags="".join(_TAG.format(*tag) for tag in self.tags.items()),
            ).encode()
        return self.rendered
