//! What is not declared: it is refused, and nothing is asked of the cloud for that.

use skywright_runtime::driver::PublicAddressMode;
use skywright_runtime::provider::Intent;
use skywright_runtime::provider::hosts::{HostSpec, Nic};
use skywright_runtime::provider::networks::SubnetSpec;

use super::{check, hosts, networks};
use crate::check::Check;
use crate::context::Context;
use crate::failure::{Failure, expect};
use crate::ledger::Kind;
use crate::resource::UNSUPPORTED;

pub(super) const CHECKS: &[Check] = &[
    check!("abilities", "virtual-ip", virtual_ip, "without `virtual-ip` one is refused unasked"),
    check!("abilities", "resize", resize, "without `resize` one is refused unasked"),
    check!("abilities", "floating", floating, "without `floating` an allocation is refused unasked"),
    check!(
        "abilities",
        "port-security",
        port_security,
        "without `port-security-toggle` a gateway is refused unasked"
    ),
    check!("abilities", "ipv6", ipv6, "without `ipv6` such a subnet is refused unasked"),
    check!("abilities", "endpoints", endpoints, "no request went where none is declared"),
];

fn declared(ability: &str) -> Failure {
    Failure::skip(format!("the provider declares `{ability}`"))
}

async fn virtual_ip(context: &Context) -> Result<(), Failure> {
    context.needs("addresses")?;
    if context.capabilities().await?.virtual_ip {
        return Err(declared("virtual-ip"));
    }
    let intent = context.intent(Kind::VirtualIp, "vip-undeclared");
    let function = "addresses.create-virtual-ip";
    let tags = context.tags(&[]);
    context
        .refused_unasked(function, UNSUPPORTED, |p| p.create_virtual_ip(&intent, "cf", "cf", &tags))
        .await
        .map(drop)
}

async fn resize(context: &Context) -> Result<(), Failure> {
    context.needs("hosts")?;
    if context.capabilities().await?.resize {
        return Err(declared("resize"));
    }
    let host = context.host().await?;
    let template = &context.machine().await?.template.id;
    context.refused_unasked("hosts.resize", UNSUPPORTED, |p| p.resize_host(host, template)).await.map(drop)
}

async fn floating(context: &Context) -> Result<(), Failure> {
    context.needs("addresses")?;
    if context.capabilities().await?.public_address_mode == PublicAddressMode::Floating {
        return Err(declared("floating"));
    }
    let intent = context.intent(Kind::Address, "address-undeclared");
    let tags = context.tags(&[]);
    context
        .refused_unasked("addresses.allocate", UNSUPPORTED, |p| p.allocate_address(&intent, &tags))
        .await
        .map(drop)
}

async fn port_security(context: &Context) -> Result<(), Failure> {
    context.needs("hosts")?;
    context.needs("networks")?;
    if context.capabilities().await?.port_security_toggle {
        return Err(declared("port-security-toggle"));
    }
    let gateway = Nic { forwards: true, ..hosts::nic(context.subnet().await?) };
    let spec = HostSpec { nics: vec![gateway], ..hosts::spec(context, "host-undeclared").await? };
    context.refused_unasked("hosts.create", UNSUPPORTED, |p| p.create_host(&spec)).await.map(drop)
}

async fn ipv6(context: &Context) -> Result<(), Failure> {
    context.needs("networks")?;
    if context.capabilities().await?.ipv6 {
        return Err(declared("ipv6"));
    }
    let network = context.network().await?;
    let intent: Intent = context.intent(Kind::Subnet, "subnet-undeclared");
    let spec: SubnetSpec = networks::subnet_spec(context, &intent, network, "fd00:cf::/64", false);
    context.refused_unasked("networks.create-subnet", UNSUPPORTED, |p| p.create_subnet(&spec)).await.map(drop)
}

async fn endpoints(context: &Context) -> Result<(), Failure> {
    let denied = context.meter.denied();
    expect(denied.is_empty(), "requests that the grant refused", "none", &denied)
}
