"""What a choice overrides: which settings, and how values meet those that are there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

#: Settings of KubeSpawner that say something to Kubernetes only. A list that was made
#: for it keeps them; they are ignored (KubeSpawner 7.1, the traits of ``KubeSpawner``
#: that neither ``Spawner`` nor ``EC2Spawner`` has).
KUBERNETES_ONLY = frozenset("""
    after_pod_created_hook allow_privilege_escalation automount_service_account_token
    common_labels component_label container_name container_security_context
    delete_grace_period delete_pvc delete_stopped_pods dns_name_template
    enable_user_namespaces events_enabled extra_annotations extra_container_config
    extra_containers extra_labels extra_pod_config extra_resource_guarantees
    extra_resource_limits fs_gid gid image_pull_policy image_pull_secrets
    image_spec init_containers k8s_api_host k8s_api_request_retry_timeout
    k8s_api_request_timeout k8s_api_ssl_ca_cert k8s_api_threadpool_workers
    k8s_api_verify_ssl lifecycle_hooks modify_pod_hook namespace
    node_affinity_preferred node_affinity_required node_selector
    pod_affinity_preferred pod_affinity_required pod_anti_affinity_preferred
    pod_anti_affinity_required pod_connect_ip pod_name_template pod_security_context
    priority_class_name privileged pvc_name_template remember_pvc_name
    run_as_gid run_as_uid run_privileged scheduler_name secret_mount_path
    secret_name_template service_account services_enabled singleuser_extra_containers
    slug_scheme storage_access_modes storage_capacity storage_class
    storage_extra_annotations storage_extra_labels storage_pvc_ensure
    storage_selector supplemental_gids tolerations uid user_namespace_annotations
    user_namespace_labels user_namespace_template volume_mounts volumes working_dir
    """.split()) | {"default"}  # a slip in many published lists, without any effect


#: what KubeSpawner's ``recursive_format`` finds in a text, but for other names
_FORMAT = re.compile(r"\{\{|\}\}|\{value\}")


def with_value(override: Any, value: str) -> Any:
    """Put what a user wrote in the place of ``{value}``, at any depth.

    As with KubeSpawner it may be in keys, too, and doubled braces become single ones.
    """
    if isinstance(override, str):
        found = {"{{": "{", "}}": "}", "{value}": value}
        return _FORMAT.sub(lambda match: found[match[0]], override)
    if isinstance(override, Mapping):
        return {
            with_value(key, value): with_value(each, value)
            for key, each in override.items()
        }
    if isinstance(override, (list, tuple)):
        return [with_value(each, value) for each in override]
    if isinstance(override, (set, frozenset)):
        return {with_value(each, value) for each in override}
    return override


def merged(old: Any, new: Any) -> Any:
    """What a setting becomes: a dict is merged, at any depth; None removes a key."""
    if not (isinstance(old, Mapping) and isinstance(new, Mapping)):
        return deepcopy(new)
    both = dict(old)
    for key, value in new.items():
        if value is None:
            both.pop(key, None)
        else:
            both[key] = merged(
                both.get(key, {}) if isinstance(value, Mapping) else None, value
            )
    return both
