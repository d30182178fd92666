# What converted scripts use of SafeScale's shell library, written anew for Skywright.
{% if host.os_family == "debian" -%}
LINUX_KIND={{ host.os_distribution | quote }}
{% else -%}
LINUX_KIND={{ host.os_distribution | replace(from="almalinux", to="redhat") | quote }}
{% endif -%}
VERSION_ID={{ host.os_version | quote }}
SF_BASEDIR=/opt/safescale SF_ETCDIR=$SF_BASEDIR/etc SF_VARDIR=$SF_BASEDIR/var
SF_TMPDIR=$SF_VARDIR/tmp SF_LOGDIR=$SF_VARDIR/log SF_BINDIR=$SF_BASEDIR/bin
export LINUX_KIND VERSION_ID SF_BASEDIR SF_ETCDIR SF_VARDIR SF_TMPDIR SF_LOGDIR SF_BINDIR
mkdir -p "$SF_ETCDIR" "$SF_TMPDIR" "$SF_LOGDIR" "$SF_BINDIR"
declare -A FACTS
FACTS["n_cores"]={{ host.vcpus }} FACTS["gpu_count"]={{ host.gpu_count }} FACTS["linux_kind"]=$LINUX_KIND FACTS["linux_version"]=$VERSION_ID

sfFail() {
  [ -n "${2:-}" ] && echo "$2" >&2
  exit "${1:-1}"
}
sfExit() {
  exit 0
}
sfAvail() {
  command -v "$1" >/dev/null 2>&1
}
sfGetFact() {
  echo "${FACTS[$1]:-}"
}
sfDetectFacts() {
  :
}
# sfRetry TIMEOUT DELAY COMMAND…: until it succeeds, or the time is over.
sfRetry() {
  local timeout=$1 delay=$2 begun=$SECONDS
  shift 2
  case $timeout in
    *m) timeout=$((${timeout%m} * 60)) ;;
    *s) timeout=${timeout%s} ;;
    *h) timeout=$((${timeout%h} * 3600)) ;;
  esac
  until "$@"; do
    [ $((SECONDS - begun)) -ge "$timeout" ] && return 1
    sleep "$delay"
  done
}
sfWaitForApt() {
  :
}
sfApt() {
  DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -y "$@"
}
sfYum() {
  if sfAvail dnf; then dnf -y "$@"; else yum -y "$@"; fi
}
sfInstall() {
  if sfAvail apt-get; then sfApt update && sfApt install "$@"; else sfYum install "$@"; fi
}
sfService() {
  case $1 in
    start | stop | restart | reload | enable | disable | status) systemctl "$1" "$2" ;;
    *) systemctl "$2" "$1" ;;
  esac
}
sfServiceRuns() {
  systemctl is-active --quiet "$1"
}
sfRandomString() {
  tr -dc 'A-Za-z0-9' </dev/urandom | head -c "${1:-16}"
}
