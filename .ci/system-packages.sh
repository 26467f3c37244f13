#!/bin/sh
# What `make demo` (viewer), `make test` (dev) and `make train` (train) need of Debian and Ubuntu.
# Root: installs what is missing. Anyone else: names the exact command. Other systems: says what to look for.
set -eu

viewer="libportaudio2 libgl1 libgl1-mesa-dri libglx-mesa0 libegl1 libegl-mesa0 libgomp1 libusb-1.0-0 libx11-6"
dev="$viewer xvfb pulseaudio pulseaudio-utils libasound2-plugins libespeak-ng1 espeak-ng-data flite"
# A browser that draws with no GPU and no screen, for `voxmesh view --web`: 100 MB to fetch. Ubuntu has it as a snap only.
if grep -qs '^ID=debian' /etc/os-release; then dev="$dev chromium"; fi
# What the talker speaks with beside espeak-ng and flite: festival and eight recorded voices, 41 MB to fetch.
dev="$dev festival festvox-kallpc16k festvox-kdlpc16k festvox-us-slt-hts festvox-italp16k festvox-itapc16k"
dev="$dev festvox-suopuhe-mv festvox-ca-ona-hts festvox-czech-ph"
# The Unity package's parser is compiled and run by Mono, the Unreal plugin's by g++, both on libzmq.
dev="$dev mono-mcs mono-runtime libmono-system-core4.0-cil g++ libzmq3-dev cppzmq-dev"
# People for the talker: the voices of Fish Fillets NG, KLettres (GPL-2) and Asterisk (CC BY-SA 3.0), 217 MB to fetch.
train="$dev fillets-ng-data fillets-ng-data-cs fillets-ng-data-nl klettres-data asterisk-core-sounds-en-g722"
train="$train pocketsphinx pocketsphinx-en-us"
case "${1:-}" in
  viewer) wanted=$viewer ;;
  dev) wanted=$dev ;;
  train) wanted=$train ;;
  *) echo "usage: $0 viewer|dev|train" >&2; exit 2 ;;
esac
[ "$(uname)" = Linux ] || exit 0
if ! command -v dpkg-query >/dev/null; then
  echo "This is not Debian or Ubuntu: if something is missing, install your system's packages for: $wanted" >&2
  exit 0
fi

"${PYTHON:-python3}" -c 'import ensurepip' 2>/dev/null || wanted="$wanted python3-venv"
missing=""
for package in $wanted; do
  # shellcheck disable=SC2016 # the ${} is dpkg-query's own
  status=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)
  [ "$status" = "install ok installed" ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ]; then
  echo "Installing system packages:$missing"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
else
  echo "System packages are missing. Run: sudo apt-get install -y --no-install-recommends$missing" >&2
  exit 1
fi
