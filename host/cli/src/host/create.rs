//! `skywright host create`.

use skywright_core::Name;
use skywright_core::resource::CreateHosts;

use super::args::HostCreate;
use crate::error::Error;
use crate::site::Site;

pub(super) async fn run(args: HostCreate, site: &Site<'_>) -> Result<(), Error> {
    let change = CreateHosts {
        names: args.names.iter().map(|name| name.parse()).collect::<Result<Vec<Name>, _>>()?,
        network: args.network,
        subnets: args.subnets,
        single: args.single,
        public: args.public,
        domain: args.domain,
        machine: args.machine.into(),
        labels: args.labels.labels()?,
        keep_on_failure: args.keep.keep_on_failure,
    };
    // Also what the sizing says: nothing is opened for a mistyped one.
    let names = change.all_names()?;
    let tenancy = site.open().await?;
    site.run(&tenancy, &change).await?;
    match names.as_slice() {
        // A count of one is a list of one: scripts that vary it see one shape.
        [only] if *only == change.names[0] => site.printer.details(&tenancy.host(only.as_str()).await?),
        _ => {
            let mut hosts = tenancy.hosts(false).await?;
            hosts.retain(|host| names.iter().any(|name| name.as_str() == host.name));
            super::print_list(&hosts, site)
        }
    }
}
