"""The states of a machine, and who may change them."""

from __future__ import annotations

from .rule import API, GUIDE, LIFECYCLE, Rule

RULES: tuple[Rule, ...] = (
    Rule(
        "user-data-stopped",
        "ModifyInstanceAttribute",
        "User-data and type change only while stopped, else IncorrectInstanceState.",
        f"{GUIDE}/user-data.html",
    ),
    Rule(
        "spot-one-time",
        "RunInstances, StopInstances",
        "The machine of a one-time spot request cannot be stopped: not by a call "
        "(UnsupportedOperation), nor is a request that wants it at interruption taken.",
        "https://github.com/diodonfrost/terraform-aws-lambda-scheduler-stop-start/"
        "pull/8",
    ),
    Rule(
        "capacity-start",
        "StartInstances",
        "Starting a stopped instance needs capacity too.",
        f"{API}/API_StartInstances.html",
    ),
    Rule(
        "states",
        "DescribeInstances",
        "pending, running, stopping, stopped, shutting-down and terminated all take "
        "their time.",
        LIFECYCLE,
    ),
    Rule(
        "wrong-state",
        "StartInstances, StopInstances",
        "From a state that does not allow it: IncorrectInstanceState; a stop of what "
        "has never been running is such a case.",
        "https://github.com/cloud-custodian/cloud-custodian/pull/6014",
    ),
    Rule(
        "repeat-is-harmless",
        "Stop-, Start-, TerminateInstances",
        "What is already so is no error; the answer gives the state as it is.",
        f"{API}/API_TerminateInstances.html",
    ),
    Rule(
        "all-or-nothing",
        "TerminateInstances",
        "One unknown id, and none is terminated.",
        f"{API}/API_TerminateInstances.html",
    ),
    Rule(
        "user-shutdown",
        "StopInstances, TerminateInstances",
        "StateReason Client.UserInitiatedShutdown and a StateTransitionReason with "
        "the time.",
        f"{API}/API_StateReason.html",
    ),
    Rule(
        "hibernation-launch",
        "RunInstances",
        "Hibernation must be configured at the launch, for a type that supports it and "
        "an encrypted root volume that its memory fits on: "
        "UnsupportedHibernationConfiguration; spot machines that end at an "
        "interruption: InvalidParameterCombination.",
        f"{GUIDE}/hibernating-prerequisites.html",
    ),
    Rule(
        "hibernation-refused",
        "StopInstances",
        "Hibernate for a machine that was launched without: "
        "UnsupportedHibernationConfiguration; shortly after its boot: "
        "UnsupportedOperation, not ready to hibernate yet.",
        "https://github.com/aws-solutions/instance-scheduler-on-aws/issues/510",
    ),
    Rule(
        "hibernation",
        "StopInstances, StartInstances",
        "A machine that hibernates is stopped with Client.UserInitiatedHibernate, "
        "keeps its volumes, and goes on where it was: nothing boots.",
        f"{GUIDE}/instance-hibernate-overview.html",
    ),
    Rule(
        "hibernation-type",
        "ModifyInstanceAttribute",
        "The type of a machine that hibernates can be changed, as of any that is "
        "stopped.",
        f"{GUIDE}/instance-hibernate-overview.html",
    ),
    Rule(
        "guest-shutdown",
        "-",
        "A shutdown from inside stops or terminates, by "
        "InstanceInitiatedShutdownBehavior: Client.InstanceInitiatedShutdown.",
        f"{GUIDE}/Using_ChangingInstanceInitiatedShutdownBehavior.html",
    ),
    Rule(
        "no-reason-while-running",
        "DescribeInstances",
        "An instance that nothing happened to has no StateReason.",
        f"{API}/API_Instance.html",
    ),
    Rule(
        "terminated-has-nothing",
        "DescribeInstances",
        "A terminated instance has no address, network interface or volume, and is "
        "listed for a while.",
        f"{GUIDE}/terminating-instances.html",
    ),
    Rule(
        "terminated-loses-tags",
        "DescribeInstances",
        "A terminated instance loses its tags while it is still listed.",
        f"{GUIDE}/terminating-instances.html",
    ),
    Rule(
        "termination-protection",
        "TerminateInstances",
        "DisableApiTermination, also when set by RunInstances: "
        "OperationNotPermitted.",
        f"{GUIDE}/Using_ChangingDisableAPITermination.html",
    ),
    Rule(
        "stop-start-keeps",
        "StopInstances, StartInstances",
        "Id, private address and disk stay over a stop.",
        f"{GUIDE}/Stop_Start.html",
    ),
    Rule(
        "console",
        "GetConsoleOutput",
        "The last 64 KB of the console, base64, with the time of the last change.",
        f"{API}/API_GetConsoleOutput.html",
    ),
    Rule(
        "console-after",
        "GetConsoleOutput",
        "What a machine has written is shown after it was terminated, too.",
        f"{GUIDE}/instance-console.html",
    ),
    Rule(
        "console-latest",
        "GetConsoleOutput",
        "Latest is for types of the Nitro system, else UnsupportedOperation.",
        "https://docs.aws.amazon.com/cli/latest/reference/ec2/get-console-output.html",
    ),
    Rule(
        "rebalance",
        "metadata",
        "events/recommendations/rebalance is 404 until EC2 recommends to leave.",
        f"{GUIDE}/rebalance-recommendations.html",
    ),
    Rule(
        "spot-interruption",
        "-",
        "Two minutes' notice in the metadata, then terminated with "
        "Server.SpotInstanceTermination.",
        f"{GUIDE}/spot-instance-termination-notices.html",
    ),
)
