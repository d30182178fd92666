//! `skywright:host/machines`: hosts on this machine, for the plugin that its session lends them to.
//!
//! What crosses is checked where it becomes a type: ids, addresses, ranges and keys are text on the guest's
//! side, and nothing here is a path, a command or a mount.

mod from_guest;
mod to_guest;

use std::future::Future;
use std::sync::Arc;

use skywright_machines::{Error as MachinesError, Machines, Size};

use self::from_guest::{FromGuest, as_is, id};
use self::to_guest::{ToGuest, refusal};
use crate::bindings::local::skywright::host::machines as wit;
use crate::bindings::skywright::host::types::{Category, Error as WitError, KeyValue, Retry};
use crate::guest::Guest;

type Answer<T> = wasmtime::Result<Result<T, WitError>>;

/// Does a call, with what it answers and why it does not in the guest's words.
async fn call<T, F>(
    lent: Option<Arc<dyn Machines>>,
    work: impl FnOnce(Arc<dyn Machines>) -> F,
) -> Answer<T::Wit>
where
    T: ToGuest,
    F: Future<Output = Result<T, MachinesError>>,
{
    let Some(machines) = lent else { return Ok(Err(not_lent())) };
    Ok(work(machines).await.map(ToGuest::to_guest).map_err(refusal))
}

/// Whoever imports the interface and is not the plugin that it is for.
fn not_lent() -> WitError {
    WitError {
        category: Category::Forbidden,
        code: "machines-not-lent".to_owned(),
        message: "this machine's hosts are not lent to this plugin".to_owned(),
        subject: None,
        http_status: None,
        retry: Retry::Never,
        hint: Some(
            "they are for skywright/local alone, signed by a publisher that trust.toml names".to_owned(),
        ),
    }
}

/// Functions of the interface: what each takes is read, passed on, and answered.
macro_rules! functions {
    ($($name:ident($($argument:ident: $type:ty = $read:expr),*) -> $answer:ty = $method:ident;)+) => {
        impl wit::Host for Guest {
            async fn resize_machine(
                &mut self,
                machine: String,
                vcpus: u32,
                memory_mib: u64,
                disk_gib: u32,
                attributes: Vec<KeyValue>,
            ) -> Answer<wit::Machine> {
                call(self.session.machines(), |machines| async move {
                    let size = Size { vcpus, memory_mib, disk_gib };
                    machines.resize_machine(id(&machine)?, size, attributes.read()?).await
                })
                .await
            }

            $(
                async fn $name(&mut self $(, $argument: $type)*) -> Answer<$answer> {
                    call(self.session.machines(), |machines| async move {
                        $(let $argument = $read?;)*
                        machines.$method($($argument),*).await
                    })
                    .await
                }
            )+
        }
    };
}

functions! {
    get_facts() -> wit::Facts = facts;
    images() -> Vec<wit::Image> = images;

    create_network(spec: wit::NetworkSpec = spec.read()) -> wit::Network = create_network;
    get_network(network: String = id(&network)) -> wit::Network = network;
    networks() -> Vec<wit::Network> = networks;
    delete_network(network: String = id(&network)) -> () = delete_network;

    create_subnet(spec: wit::SubnetSpec = spec.read()) -> wit::Subnet = create_subnet;
    get_subnet(subnet: String = id(&subnet)) -> wit::Subnet = subnet;
    subnets() -> Vec<wit::Subnet> = subnets;
    delete_subnet(subnet: String = id(&subnet)) -> () = delete_subnet;

    create_group(spec: wit::GroupSpec = spec.read()) -> wit::Group = create_group;
    get_group(group: String = id(&group)) -> wit::Group = group;
    groups() -> Vec<wit::Group> = groups;
    add_rule(group: String = id(&group), rule: wit::Rule = rule.read()) -> String = add_rule;
    remove_rule(group: String = id(&group), rule: String = id(&rule)) -> () = remove_rule;
    delete_group(group: String = id(&group)) -> () = delete_group;
    bind_group(group: String = id(&group), machine: String = id(&machine)) -> () = bind_group;
    unbind_group(group: String = id(&group), machine: String = id(&machine)) -> () = unbind_group;

    create_machine(spec: wit::MachineSpec = spec.read()) -> wit::Machine = create_machine;
    get_machine(machine: String = id(&machine)) -> wit::Machine = machine;
    machines() -> Vec<wit::Machine> = machines;
    advance_machine(machine: String = id(&machine)) -> wit::Machine = advance_machine;
    start_machine(machine: String = id(&machine)) -> wit::Machine = start_machine;
    stop_machine(machine: String = id(&machine), force: bool = as_is(force)) -> wit::Machine = stop_machine;
    reboot_machine(machine: String = id(&machine), force: bool = as_is(force)) -> wit::Machine = reboot_machine;
    delete_machine(machine: String = id(&machine)) -> Option<wit::Machine> = delete_machine;
    console(machine: String = id(&machine), lines: u32 = as_is(lines)) -> String = console;

    create_disk(spec: wit::DiskSpec = spec.read()) -> wit::Disk = create_disk;
    get_disk(disk: String = id(&disk)) -> wit::Disk = disk;
    disks() -> Vec<wit::Disk> = disks;
    delete_disk(disk: String = id(&disk)) -> () = delete_disk;
    attach_disk(disk: String = id(&disk), machine: String = id(&machine)) -> wit::Disk = attach_disk;
    detach_disk(disk: String = id(&disk), machine: String = id(&machine)) -> wit::Disk = detach_disk;
    extend_disk(disk: String = id(&disk), size_gib: u32 = as_is(size_gib)) -> wit::Disk = extend_disk;

    allocate_address(intent: String = intent.read(), tags: Vec<KeyValue> = tags.read()) -> wit::PublicAddress = allocate_address;
    addresses() -> Vec<wit::PublicAddress> = addresses;
    associate_address(address: String = id(&address), machine: String = id(&machine)) -> () = associate_address;
    dissociate_address(address: String = id(&address)) -> () = dissociate_address;
    release_address(address: String = id(&address)) -> () = release_address;

    create_virtual_ip(spec: wit::VirtualIpSpec = spec.read()) -> wit::VirtualIp = create_virtual_ip;
    get_virtual_ip(ip: String = id(&ip)) -> wit::VirtualIp = virtual_ip;
    virtual_ips() -> Vec<wit::VirtualIp> = virtual_ips;
    bind_virtual_ip(ip: String = id(&ip), machine: String = id(&machine)) -> () = bind_virtual_ip;
    unbind_virtual_ip(ip: String = id(&ip), machine: String = id(&machine)) -> () = unbind_virtual_ip;
    delete_virtual_ip(ip: String = id(&ip)) -> () = delete_virtual_ip;

    create_bucket(bucket: String = id(&bucket)) -> wit::Bucket = create_bucket;
    buckets() -> Vec<wit::Bucket> = buckets;
    delete_bucket(bucket: String = id(&bucket)) -> () = delete_bucket;

    set_tags(what: String = as_is(what), tags: Vec<KeyValue> = tags.read()) -> () = set_tags;
    abandon(key: String = key.read()) -> bool = abandon;
}
