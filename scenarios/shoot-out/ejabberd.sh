# ejabberd of Debian's package in a folder of its own: no epmd, no distribution, nothing of /etc/ejabberd. Its users register
# themselves.
cat > "$C2M_DATA/ejabberd.yml" <<END
hosts: [localhost]
loglevel: warning
registration_timeout: infinity
listen:
  - {port: 18833, ip: "127.0.0.1", module: ejabberd_c2s, access: all, max_stanza_size: 262144}
shaper_rules:
  max_user_offline_messages: {10000: all}
modules:
  mod_offline: {access_max_user_messages: max_user_offline_messages}
  mod_ping: {}
  mod_register: {ip_access: all, access: all}
  mod_roster: {}
  mod_stream_mgmt: {resend_on_timeout: true}
END
libraries=$(sed -n "s/^.*ERL_LIBS='\{0,1\}\([^']*\).*$/\1/p" "$(command -v ejabberdctl || echo /usr/sbin/ejabberdctl)" | head -n 1)
export HOME="$C2M_DATA" ERL_LIBS="${libraries:-/usr/lib}" ERL_CRASH_DUMP_SECONDS=0
export EJABBERD_CONFIG_PATH="$C2M_DATA/ejabberd.yml" EJABBERD_LOG_PATH="$C2M_DATA/ejabberd.log"
cd "$C2M_DATA" || exit 1
exec erl -noinput +K true -mnesia dir "\"$C2M_DATA/spool\"" -s ejabberd
