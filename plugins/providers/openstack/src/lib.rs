//! OpenStack clouds: Keystone v3, Nova, Neutron, Glance. As the operator runs them: nothing is known of the
//! cloud beforehand.

use skywright_openstack_family::Profile;

skywright_openstack_family::plugin!(Openstack: Profile::GENERIC);
