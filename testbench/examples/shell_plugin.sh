#!/bin/sh
# A gpbackup plugin in POSIX shell that keeps backups in a local directory: what a plugin has to do, in a
# page, and nothing that a site should use.
#
#   executablepath: /path/to/shell_plugin.sh
#   options:
#     directory: /path/to/the/backups

fail() {
    echo "shell_plugin: $1" >&2
    exit 1
}

# Sets $directory from the config file $1. gpbackup adds options of its own, which are no concern here.
read_config() {
    [ -f "$1" ] && [ -r "$1" ] || fail "there is no readable config file $1"
    directory=$(sed -n "s/^ *directory: *[\"']\{0,1\}\([^\"']*\)[\"']\{0,1\} *$/\1/p" "$1")
    [ -n "$directory" ] || fail "the config file $1 has no option directory"
    mkdir -p "$directory" || exit 1
}

# Sets $object, where the local path $1 is stored: its last four components name it.
find_object() {
    file=${1##*/} rest=${1%/*}
    timestamp=${rest##*/} rest=${rest%/*}
    date=${rest##*/} rest=${rest%/*}
    object="$directory/${rest##*/}/$date/$timestamp/$file"
}

# Makes $1 of what stdin brings, whole or not at all: a file under another name is renamed at the end.
store() {
    mkdir -p "${1%/*}" || exit 1
    partial="${1%/*}/.partial.$$"
    trap 'rm -f "$partial"; exit 1' TERM INT HUP
    cat >"$partial" && mv "$partial" "$1" && return
    rm -f "$partial"
    fail "cannot write $1"
}

arguments() {
    [ "$given" -ge "$1" ] && [ "$given" -le "$2" ] || fail "$command takes $1 to $2 arguments, not $given"
}

command=${1-}
[ $# -gt 0 ] && shift
given=$#

case $command in
plugin_api_version)
    arguments 0 0
    echo 0.5.0
    ;;
--version)
    arguments 0 0
    echo "shell_plugin version 1.0.0"
    ;;
setup_plugin_for_backup | setup_plugin_for_restore | cleanup_plugin_for_backup | cleanup_plugin_for_restore)
    arguments 3 4
    read_config "$1"
    case $3 in
    coordinator | master | segment_host | segment) ;;
    *) fail "$3 is no scope" ;;
    esac
    [ "$command" != setup_plugin_for_restore ] || mkdir -p "$2"
    ;;
backup_file)
    arguments 2 2
    read_config "$1"
    [ -f "$2" ] || fail "there is no file $2"
    find_object "$2"
    store "$object" <"$2"
    ;;
restore_file)
    arguments 2 2
    read_config "$1"
    find_object "$2"
    [ -f "$object" ] || fail "there is no backup of $2"
    store "$2" <"$object"
    ;;
backup_data)
    arguments 2 2
    read_config "$1"
    find_object "$2"
    store "$object"
    ;;
restore_data)
    arguments 2 2
    read_config "$1"
    find_object "$2"
    [ -f "$object" ] || fail "there is no backup of $2"
    exec cat "$object"
    ;;
delete_backup)
    arguments 2 2
    read_config "$1"
    case $2 in
    *[!0-9]* | '') fail "$2 is no timestamp" ;;
    esac
    [ ${#2} -eq 14 ] || fail "$2 is no timestamp of 14 digits"
    rm -rf "$directory/backups/$(echo "$2" | cut -c 1-8)/$2"
    ;;
*)
    fail "unknown command '$command'"
    ;;
esac
