//! What SafeScale's templates knew, as recipes say it.

/// The expression of a variable; `None` if recipes do not have it.
pub(super) fn expression(name: &str, step: &str) -> Option<String> {
    let fixed = match name {
        "Username" => "host.user",
        "Hostname" => "host.name",
        "ShortHostname" => "host.short_name",
        "HostIP" => "host.private_address",
        "PublicIP" => "host.public_address",
        "HostIsGateway" => "host.is_gateway",
        "EndpointIP" => "target.endpoint",
        "DefaultRouteIP" => "target.default_route",
        "GatewayIP" | "PrimaryGatewayIP" => "gateways[0].private_address",
        "SecondaryGatewayIP" => "gateways[1].private_address",
        "PrimaryPublicIP" => "gateways[0].public_address",
        "SecondaryPublicIP" => "gateways[1].public_address",
        "NetworkUsesVIP" | "ClusterControlplaneUsesVIP" => "(target.virtual_ip is defined)",
        "CIDR" | "IPRanges" => "target.cidr",
        "ClusterName" => "target.name",
        "ClusterFlavor" => "target.flavor",
        "ClusterComplexity" => "target.size",
        "ClusterAdminUsername" => "target.admin_user",
        "ClusterControlplaneEndpointIP" => "target.virtual_ip",
        "ClusterMasterIPs" => "[other.private_address for other in roles.master]",
        "ClusterNodeIPs" => "[other.private_address for other in roles.node]",
        "ClusterMasters" => "roles.master",
        "ClusterNodes" => "roles.node",
        "reserved_Name" => "feature.name",
        "reserved_Action" => "action",
        // The library is included by the converter, and the content is the script itself.
        "reserved_BashLibrary" | "reserved_Content" => "\"\"",
        "reserved_DefaultDelay" => "10",
        "reserved_DefaultTimeout" => "300",
        "reserved_LongTimeout" => "840",
        "reserved_ClusterJoinTimeout" => "900",
        "reserved_DockerImagePullTimeout" => "600",
        "reserved_Step" => return Some(format!("\"{step}\"")),
        _ => return None,
    };
    Some(fixed.to_owned())
}

/// Roles that an expression needs to be declared.
pub(super) fn roles(expression: &str) -> impl Iterator<Item = &'static str> + '_ {
    ["master", "node"].into_iter().filter(move |role| expression.contains(&format!("roles.{role}")))
}
