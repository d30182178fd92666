#!/usr/bin/perl
# Plays kubeadm, kubelet, kubectl and crictl, by the name that it is called by: as far as the recipe `kubernetes` asks
# of them, and not further. What it does not know it refuses. Every call is written down in /var/log/standin.log, with
# the configuration that it was given. Only what perl-base has is used.
use strict;
use warnings;
use IO::Socket::INET;

my $VERSION = '@VERSION@';
my ($me) = $0 =~ m{([^/]+)$};
my $KUBERNETES = '/etc/kubernetes';
my $CLUSTER = '/var/lib/standin';
my $FLAGS = '/var/lib/kubelet/kubeadm-flags.env';

sub read_file { my ($path) = @_; open my $in, '<', $path or return undef; local $/; my $text = <$in>; return $text // '' }

sub write_file {
    my ($path, $text, $mode) = @_;
    (my $folder = $path) =~ s{/[^/]+$}{};
    system('mkdir', '-p', $folder) == 0 or die;
    open my $out, '>', "$path.new" or die "$path: $!\n";
    print $out $text;
    close $out or die "$path: $!\n";
    chmod $mode // 0644, "$path.new";
    rename "$path.new", $path or die "$path: $!\n";
}

sub note {
    my ($text) = @_;
    open my $log, '>>', '/var/log/standin.log' or return;
    print $log $text;
}

sub run { my @words = @_; system(@words) == 0 or die "$words[0] failed\n" }
sub said { my $said = qx{$_[0]}; $? == 0 or die "failed: $_[0]\n"; chomp $said; return $said }
sub refuse { print STDERR "$me: the stand-in does not know: @_\n"; exit 2 }
sub fail { print STDERR "$me: @_\n"; exit 1 }
sub random_hex { my ($bytes) = @_; return said("od -An -N$bytes -tx1 /dev/urandom | tr -d ' \\n'") }
sub ca_hash { return 'sha256:' . said("openssl x509 -pubkey -noout -in $KUBERNETES/pki/ca.crt | openssl pkey -pubin -outform der | sha256sum | cut -d' ' -f1") }

# The server: lines in, lines out. The first word is who asks.

sub ask {
    my ($server, @words) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => $server, Timeout => 10) or fail("$server cannot be reached: $!");
    print $socket join("\t", @words), "\n";
    $socket->shutdown(1);
    my @answer = <$socket>;
    my $state = shift @answer // '';
    chomp $state;
    return join '', @answer if $state eq 'good';
    fail("$server refuses @words[1 .. $#words]: $state");
}

sub entries { my ($kind) = @_; opendir my $dir, "$CLUSTER/$kind" or return (); return sort grep { !/^\./ } readdir $dir }

# Nobody who has the drainer's token may do more than drain.
my %DRAINER = map { $_ => 1 } qw(node drain uncordon);

sub answer {
    my ($who, $verb, @words) = @_;
    my $get = sub { read_file("$CLUSTER/$_[0]") };
    my $is_admin = $who eq $get->('admin');
    if ($verb =~ /^(cluster-info|certificates|register|request)$/) {
        # By a token, as who joins has one; a kubelet that has joined says who it is.
        my ($id, $secret) = split /\./, $who;
        my $known = $get->('kubelet-' . ($words[0] // '')) // '';
        my $token = $get->("tokens/" . ($id // '')) // '';
        unless (($verb =~ /^re/ && $who eq $known) || (defined $secret && $token =~ /^\Q$secret\E\t/)) {
            die "no such token\n";
        }
    } elsif ($who eq ($get->('drainer') // '-')) {
        die "the drainer may not $verb\n" unless $DRAINER{$verb};
    } elsif (!$is_admin) {
        die "nobody may $verb without a name\n" unless $verb eq 'readyz';
    }
    if ($verb eq 'readyz') { return "ok\n" }
    if ($verb eq 'cluster-info') { return ca_hash() . "\n" }
    if ($verb eq 'certificates') {
        my ($key, $encryption) = @words;
        die "no certificates are uploaded\n" unless defined $get->('certificate-key');
        die "another certificate key\n" unless $get->('certificate-key') eq $key;
        my $own = said("sha256sum <$KUBERNETES/skywright/encryption.yaml");
        die "secrets are encrypted with another key\n" unless $own eq $encryption;
        return join '', map { said("base64 -w0 $KUBERNETES/pki/$_") . "\n" } qw(ca.crt ca.key);
    }
    if ($verb eq 'register') {
        my ($name, $address, $version) = @words;
        my $key = $get->("kubelet-$name") // random_hex(8);
        write_file("$CLUSTER/kubelet-$name", $key);
        write_file("$CLUSTER/nodes/$name", join("\t", $address, $version, ($get->("cordoned-$name") // '')));
        return "$key\n";
    }
    if ($verb eq 'nodes') {
        my $ready = -e "$CLUSTER/objects/cni" ? 'Ready' : 'NotReady';
        return join '', map {
            my ($address, $version) = split /\t/, $get->("nodes/$_");
            my $state = -e "$CLUSTER/cordoned-$_" ? "$ready,SchedulingDisabled" : $ready;
            "$_   $state   <none>   1m   v$version\n";
        } entries('nodes');
    }
    if ($verb eq 'node') {
        my ($name, $what) = @words;
        my ($address, $version) = split /\t/, $get->("nodes/$name") // die "no node $name\n";
        return "v$version" if $what eq '{.status.nodeInfo.kubeletVersion}';
        return -e "$CLUSTER/cordoned-$name" ? 'true' : '' if $what eq '{.spec.unschedulable}';
        return -e "$CLUSTER/objects/cni" ? 'True' : 'False' if $what eq '{.status.conditions[?(@.type=="Ready")].status}';
        die "unknown path $what\n";
    }
    if ($verb eq 'drain' || $verb eq 'uncordon') {
        my ($name) = @words;
        my @drained = grep { -e "$CLUSTER/cordoned-$_" && $_ ne $name } entries('nodes');
        note("cluster: $verb $name\n");
        die "@drained is drained already\n" if @drained && $verb eq 'drain';
        if ($verb eq 'drain') { write_file("$CLUSTER/cordoned-$name", '1') } else { unlink "$CLUSTER/cordoned-$name" }
        return "node/$name ${verb}ed\n";
    }
    if ($verb eq 'token-create') {
        my ($description) = @words;
        my ($id, $secret) = (substr(random_hex(3), 0, 6), substr(random_hex(8), 0, 16));
        write_file("$CLUSTER/tokens/$id", "$secret\t$description");
        return "$id.$secret\n";
    }
    if ($verb eq 'token-list') {
        my $list = "TOKEN   TTL   EXPIRES   USAGES   DESCRIPTION   EXTRA GROUPS\n";
        for my $id (entries('tokens')) {
            my ($secret, $description) = split /\t/, $get->("tokens/$id");
            $list .= "$id.$secret   23h   2030-01-01T00:00:00Z   authentication,signing   $description   system:bootstrappers:kubeadm:default-node-token\n";
        }
        return $list;
    }
    if ($verb eq 'token-delete') { unlink "$CLUSTER/tokens/$words[0]" or die "no token $words[0]\n"; return '' }
    if ($verb eq 'upload-certificates') { my $key = random_hex(32); write_file("$CLUSTER/certificate-key", $key); return "$key\n" }
    if ($verb eq 'certificates-there') { return -e "$CLUSTER/certificate-key" ? "secret/kubeadm-certs\n" : '' }
    if ($verb eq 'certificates-gone') { unlink "$CLUSTER/certificate-key" or die "no such secret\n"; return '' }
    if ($verb eq 'request') {
        my ($name, $kind, $request) = @words;
        write_file("$CLUSTER/requests/csr-$kind-$name", "system:node:$name\t$request\t");
        return '';
    }
    if ($verb eq 'requests') {
        return join '', map { my ($user, $request, $state) = split /\t/, $get->("requests/$_"); "$_ $user $request " . ($state // '') . "\n" } entries('requests');
    }
    if ($verb eq 'approve') {
        my ($user, $request) = split /\t/, $get->("requests/$words[0]") // die "no request $words[0]\n";
        write_file("$CLUSTER/requests/$words[0]", "$user\t$request\tApproved");
        note("cluster: approved $words[0]\n");
        return "certificatesigningrequest/$words[0] approved\n";
    }
    if ($verb eq 'applied') { return $get->('objects/note') // '' }
    if ($verb eq 'apply') { write_file("$CLUSTER/objects/$words[0]", $words[1] // '1'); note("cluster: applied $words[0]\n"); return "$words[0] applied\n" }
    if ($verb eq 'drainer') { my $token = random_hex(16); write_file("$CLUSTER/drainer", $token); return "$token\n" }
    if ($verb eq 'delete') { unlink "$CLUSTER/drainer" if $words[0] eq 'serviceaccount'; return '' }
    if ($verb eq 'configuration') { write_file("$CLUSTER/version", $words[0]) if @words; return 'kubernetesVersion: v' . $get->('version') . "\n" }
    die "unknown: $verb\n";
}

sub serve {
    my ($port) = @_;
    my $listening = IO::Socket::INET->new(LocalPort => $port, Listen => 128, ReuseAddr => 1) or die "port $port: $!\n";
    while (1) {
        my $client = $listening->accept or next;
        my $line = <$client> // '';
        chomp $line;
        my $answer = eval { answer(split /\t/, $line, -1) };
        my $error = $@;
        chomp $error;
        print $client defined $answer ? "good\n$answer" : "$error\n";
        close $client;
    }
}

# What programs know of the cluster.

sub kubeconfig {
    my ($path) = @_;
    my $text = read_file($path) // fail("$path cannot be read");
    my ($server) = $text =~ m{server: *"?https://([^"\s,]+)};
    my ($who) = $text =~ /(?:client-key-data|token): *"?([^"\s}]+)/;
    return ($server // fail("$path names no server"), $who // fail("$path names nobody"));
}

sub write_kubeconfig {
    my ($path, $server, $who) = @_;
    my $ca = said("base64 -w0 $KUBERNETES/pki/ca.crt");
    write_file($path, <<"CONFIGURATION", 0600);
apiVersion: v1
kind: Config
clusters:
- name: kubernetes
  cluster:
    certificate-authority-data: $ca
    server: https://$server
users:
- name: user
  user:
    client-key-data: $who
CONFIGURATION
}

sub flags { my %flags = map { split /=/, $_, 2 } split /\n/, read_file($FLAGS) // ''; return %flags }

# kubeadm

sub one { my ($text, $key) = @_; my ($value) = $text =~ /^\s*\Q$key\E: *"?([^"\n]*?)"?$/m; return $value }

sub configuration {
    my ($path, $kind) = @_;
    my $text = read_file($path) // fail("$path cannot be read");
    (my $shown = $text) =~ s/^/    /mg;
    note("$shown\n");
    my ($document) = grep { /^kind: \Q$kind\E$/m } split /^---$/m, $text;
    fail("$path has no $kind") unless defined $document;
    fail("$path is of another version") unless $document =~ m{^apiVersion: kubeadm\.k8s\.io/v1beta4$}m;
    fail("$path has tabs") if $text =~ /\t/;
    return ($text, $document);
}

sub manifests {
    my ($text) = @_;
    my $registry = one($text, 'imageRepository') // 'registry.k8s.io';
    my @arguments = $text =~ /^    - name: ([a-z-]+)\n      value: "?([^"\n]+)"?$/mg;
    my $list = '';
    while (my ($name, $value) = splice @arguments, 0, 2) {
        $list .= "    - --$name=$value\n";
        fail("the API server would miss $value") if $value =~ m{^/etc/kubernetes/skywright/} && !-f $value;
    }
    write_file("$KUBERNETES/manifests/kube-apiserver.yaml", "spec:\n  containers:\n  - command:\n    - kube-apiserver\n$list    image: $registry/kube-apiserver:v$VERSION\n", 0600);
}

sub node_name { my ($document) = @_; my ($name) = $document =~ /^nodeRegistration:\n(?:  .*\n)*?  name: "([^"]+)"/m; return $name // fail('no name') }

sub kubeadm {
    my @words = @_;
    my $line = "@words";
    if ($line =~ m{^config images list --kubernetes-version v(\S+) --image-repository (\S+)$}) {
        print "$2/$_\n" for "kube-apiserver:v$1", "kube-controller-manager:v$1", "kube-scheduler:v$1", "kube-proxy:v$1", 'coredns/coredns:v0', 'pause:0', 'etcd:0';
        return;
    }
    if ($line =~ m{^init --config (\S+) --skip-token-print$}) {
        my ($text, $init) = configuration($1, 'InitConfiguration');
        my ($version) = $text =~ /^kubernetesVersion: v(\S+)$/m;
        fail("kubeadm $VERSION does not make $version") unless $version eq $VERSION;
        fail("$KUBERNETES/manifests is not empty") if -e "$KUBERNETES/manifests/kube-apiserver.yaml";
        run('systemctl', 'is-active', '-q', 'containerd');
        run('systemctl', 'is-enabled', '-q', 'kubelet');
        system('mkdir', '-p', "$KUBERNETES/pki");
        run('sh', '-c', "umask 077; openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=kubernetes -keyout $KUBERNETES/pki/ca.key -out $KUBERNETES/pki/ca.crt 2>/dev/null");
        manifests($text);
        my ($address) = $init =~ /advertiseAddress: "([^"]+)"/;
        my ($port) = $init =~ /bindPort: (\d+)/;
        my ($endpoint) = $text =~ /^controlPlaneEndpoint: "([^"]+)"$/m;
        $endpoint //= "$address:$port";
        my $name = node_name($init);
        my ($admin, $key) = (admin(), random_hex(8));
        write_file("$CLUSTER/admin", $admin, 0600);
        write_file("$CLUSTER/version", $VERSION);
        write_file("$CLUSTER/kubelet-$name", $key, 0600);
        write_kubeconfig("$KUBERNETES/admin.conf", $endpoint, $admin);
        write_kubeconfig("$KUBERNETES/kubelet.conf", $endpoint, $key);
        write_file($FLAGS, "name=$name\naddress=$address\nport=$port\n");
        write_file('/var/lib/kubelet/config.yaml', "kind: KubeletConfiguration\n");
        run('systemctl', 'restart', 'kubelet');
        for (1 .. 100) { last if IO::Socket::INET->new(PeerAddr => $endpoint, Timeout => 2); select undef, undef, undef, 0.2 }
        ask($endpoint, $admin, 'readyz');
        ask($endpoint, $key, 'register', $name, $address, $VERSION);
        print "Your Kubernetes control-plane has initialized successfully!\n";
        return;
    }
    if ($line =~ m{^join --config (\S+)$}) {
        my ($text, $join) = configuration($1, 'JoinConfiguration');
        fail('the host is in a cluster already') if -e "$KUBERNETES/kubelet.conf";
        run('systemctl', 'is-active', '-q', 'containerd');
        run('systemctl', 'is-enabled', '-q', 'kubelet');
        my ($server) = $join =~ /apiServerEndpoint: "([^"]+)"/;
        my ($token) = $join =~ /token: "([^"]+)"/;
        my ($hash) = $join =~ /caCertHashes: \["([^"]+)"\]/;
        my $has = ask($server, $token, 'cluster-info');
        chomp $has;
        fail("the certificate authority is $has and not $hash") unless $has eq $hash;
        my $name = node_name($join);
        my ($address) = $join =~ /- name: node-ip\n\s+value: "([^"]+)"/;
        system('mkdir', '-p', "$KUBERNETES/pki");
        if ($join =~ /^controlPlane:\n  certificateKey: "([0-9a-f]{64})"\n/m) {
            my @files = split /\n/, ask($server, $token, 'certificates', $1, said("sha256sum <$KUBERNETES/skywright/encryption.yaml"));
            for my $file (qw(ca.crt ca.key)) {
                my $content = shift @files;
                run('sh', '-c', "umask 077; printf %s $content | base64 -d >$KUBERNETES/pki/$file");
            }
            manifests(read_file("$KUBERNETES/skywright/kubeadm.yaml"));
        } else {
            fail('a control plane without a key') if $join =~ /^controlPlane:/m;
            write_file("$KUBERNETES/pki/ca.crt", "$has\n");
        }
        my $key = ask($server, $token, 'register', $name, $address, $VERSION);
        chomp $key;
        write_kubeconfig("$KUBERNETES/kubelet.conf", $server, $key);
        write_kubeconfig("$KUBERNETES/admin.conf", $server, admin()) if $join =~ /^controlPlane:/m;
        write_file($FLAGS, "name=$name\naddress=$address\nport=\n");
        write_file('/var/lib/kubelet/config.yaml', "kind: KubeletConfiguration\n");
        run('systemctl', 'restart', 'kubelet');
        print "This node has joined the cluster.\n";
        return;
    }
    if ($line eq 'reset --force --cri-socket unix:///run/containerd/containerd.sock') {
        system('systemctl', 'stop', 'kubelet');
        system("rm -rf $KUBERNETES/manifests/* $KUBERNETES/pki $KUBERNETES/*.conf /var/lib/kubelet/* $CLUSTER");
        return;
    }
    if ($line =~ m{^init phase (upload-certs --upload-certs|upload-config all|control-plane all) --config (\S+)$}) {
        my ($what, $path) = ($1, $2);
        my ($text) = configuration($path, 'ClusterConfiguration');
        my ($server, $who) = kubeconfig("$KUBERNETES/admin.conf");
        if ($what =~ /certs/) { print "[upload-certs] Storing the certificates\n[upload-certs] Using certificate key:\n", ask($server, $who, 'upload-certificates') }
        elsif ($what =~ /config/) { ask($server, $who, 'configuration', $text =~ /^kubernetesVersion: v(\S+)$/m) }
        else { manifests($text) }
        return;
    }
    my ($server, $who) = kubeconfig("$KUBERNETES/admin.conf") if $line =~ /^token |^upgrade apply/;
    if ($line =~ /^token create --ttl 24h0m0s --description (.+) --print-join-command$/) {
        my $token = ask($server, $who, 'token-create', $1);
        chomp $token;
        print "kubeadm join $server --token $token --discovery-token-ca-cert-hash ", ca_hash(), " \n";
        return;
    }
    if ($line eq 'token list') { print ask($server, $who, 'token-list'); return }
    if ($line =~ /^token delete ([a-z0-9]{6})$/) { ask($server, $who, 'token-delete', $1); print "bootstrap token \"$1\" deleted\n"; return }
    if ($line =~ /^upgrade apply v(\S+) --yes$/) {
        fail("kubeadm $VERSION does not make $1") unless $1 eq $VERSION;
        remanifest();
        ask($server, $who, 'configuration', $VERSION);
        return;
    }
    if ($line eq 'upgrade node') { remanifest() if -e "$KUBERNETES/manifests/kube-apiserver.yaml"; return }
    refuse(@words);
}

# Who has the authority's key may do everything.
sub admin { return said("sha256sum <$KUBERNETES/pki/ca.key | cut -c1-32") }

sub remanifest {
    my $path = "$KUBERNETES/manifests/kube-apiserver.yaml";
    my $text = read_file($path) // fail("$path cannot be read");
    $text =~ s/kube-apiserver:v\S+/kube-apiserver:v$VERSION/;
    write_file($path, $text, 0600);
}

sub kubelet {
    my %own = flags();
    if (!-e "$KUBERNETES/kubelet.conf" || !$own{name}) { print STDERR "no configuration yet\n"; exit 1 }
    my ($server, $who) = kubeconfig("$KUBERNETES/kubelet.conf");
    my $child = fork() // die;
    if ($child == 0) {
        for (1 .. 100) { last if IO::Socket::INET->new(PeerAddr => $server, Timeout => 2); sleep 1 }
        ask($server, $who, 'register', $own{name}, $own{address}, $VERSION);
        # Once: a certificate for itself, and one for somebody else, which nobody may approve.
        exit 0 if -e '/var/lib/kubelet/asked';
        for my $kind (['own', $own{address}], ['foreign', '192.0.2.66']) {
            my $request = said("openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout /dev/null -subj '/O=system:nodes/CN=system:node:$own{name}' -addext 'subjectAltName=DNS:$own{name},IP:$kind->[1]' 2>/dev/null | base64 -w0");
            ask($server, $who, 'request', $own{name}, $kind->[0], $request);
        }
        write_file('/var/lib/kubelet/asked', '');
        exit 0;
    }
    if (-e "$CLUSTER/admin") { serve($own{port}) }
    sleep 3600 while 1;
}

sub kubectl {
    my @words = @_;
    my $path = $ENV{KUBECONFIG} // '';
    if (@words && $words[0] eq '--kubeconfig') { (undef, $path) = splice @words, 0, 2 }
    my $line = "@words";
    my ($server, $who) = kubeconfig($path);
    my $tell = sub { print ask($server, $who, @_) };
    if ($line eq 'get --raw /readyz') { return $tell->('readyz') }
    if ($line eq 'get nodes -o name') { print map { /^(\S+)/; "node/$1\n" } split /\n/, ask($server, $who, 'nodes'); return }
    if ($line eq 'get nodes --no-headers') { return $tell->('nodes') }
    if ($line =~ /^get node (\S+) -o jsonpath=(.+)$/) { return $tell->('node', $1, $2) }
    if ($line =~ /^get certificatesigningrequests -o jsonpath=/) { return $tell->('requests') }
    if ($line =~ /^certificate approve (\S+)$/) { return $tell->('approve', $1) }
    if ($line eq '--namespace kube-system get secret kubeadm-certs --ignore-not-found -o name') { return $tell->('certificates-there') }
    if ($line eq '--namespace kube-system delete secret kubeadm-certs') { return $tell->('certificates-gone') }
    if ($line eq '--namespace kube-system get configmap kubeadm-config -o jsonpath={.data.ClusterConfiguration}') { return $tell->('configuration') }
    if ($line =~ /^apply --server-side --force-conflicts --field-manager skywright -f (\S+)$/) {
        my $file = $1;
        my $text = $file eq '-' ? join('', <STDIN>) : read_file($file) // '';
        fail("$file is no manifest") unless $text =~ /^apiVersion:/m;
        my ($digest) = $text =~ /^data: \{ sha256: "([0-9a-f]{64})" \}$/m;
        return $tell->('apply', $file eq '-' ? 'note' : 'cni', $digest // ());
    }
    if ($line eq '--namespace kube-system get configmap skywright-network-plugin --ignore-not-found -o jsonpath={.data.sha256}') { return $tell->('applied') }
    if ($line eq 'apply -f -') { note(join '', map { "    $_" } <STDIN>); return $tell->('apply', 'drainer') }
    if ($line eq '--namespace kube-system create token skywright-drainer --duration 24h') { return $tell->('drainer') }
    if ($line =~ /^(?:--namespace kube-system )?delete (clusterrolebinding|clusterrole|serviceaccount) skywright-drainer --ignore-not-found$/) { return $tell->('delete', $1) }
    if ($line =~ /^drain (\S+) --ignore-daemonsets --delete-emptydir-data --timeout \d+s$/) { return $tell->('drain', $1) }
    if ($line =~ /^uncordon (\S+)$/) { return $tell->('uncordon', $1) }
    refuse(@words);
}

sub crictl {
    my @words = @_;
    my $line = "@words";
    if ($line eq 'ps -q --name ^kube-apiserver$') { print "0123456789ab\n" if -e "$KUBERNETES/manifests/kube-apiserver.yaml"; return }
    if ($line eq 'stop 0123456789ab') { return }
    refuse(@words);
}

note("$me @ARGV\n");
my %programs = (kubeadm => \&kubeadm, kubelet => \&kubelet, kubectl => \&kubectl, crictl => \&crictl);
($programs{$me} // refuse($me))->(@ARGV);
