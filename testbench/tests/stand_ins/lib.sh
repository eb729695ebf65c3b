# What the stand-ins for gpbackup, gprestore and the database's programs share. A database is a folder, a table
# a file that holds what a SELECT prints. Sourced with $STAND_IN_STATE, where all of it is kept.

state=${STAND_IN_STATE:?}
mkdir -p "$state/db"
program=${0##*/}
echo "$program $*" >>"$state/calls"

# STAND_IN_FAIL is PROGRAM:TEXT: that program fails when its arguments contain the text.
if [ -n "${STAND_IN_FAIL-}" ] && [ "${STAND_IN_FAIL%%:*}" = "$program" ]; then
    case "$*" in
    *"${STAND_IN_FAIL#*:}"*)
        echo "$program: told to fail" >&2
        exit 1
        ;;
    esac
fi

# The value behind the option $1 among the rest.
value_of() {
    wanted=$1
    shift
    while [ $# -gt 1 ]; do
        if [ "$1" = "$wanted" ]; then
            echo "$2"
            return
        fi
        shift
    done
}

# The plugin that the config $1 names.
plugin_of() {
    sed -n 's/^executablepath: *//p' "$1"
}
