#!/bin/sh
# Writes nginx's part for some replicas of lstmviz: who was served by one stays with it, by a cookie, and moves on when it is gone.
#
#   LSTMVIZ_REPLICAS="127.0.0.1:8601 127.0.0.1:8602" LSTMVIZ_LISTEN=8501 configure.sh > lstmviz.conf
#
# LSTMVIZ_REPLICAS  addresses, as numbers: nginx tells by them who has answered
# LSTMVIZ_LISTEN    what nginx listens on (80)
# LSTMVIZ_UPLOAD    the largest file that a viewer may upload (200m, as in .streamlit/config.toml)
# LSTMVIZ_CONF      the file to write instead of standard output, as the nginx image's own entry point needs it
set -eu

replicas=${LSTMVIZ_REPLICAS:?"must hold the replicas' addresses, as in 127.0.0.1:8601 127.0.0.1:8602"}
for replica in $replicas; do
    case $replica in
        *[!0-9.:]* | *:*:* | :* | *:) echo "LSTMVIZ_REPLICAS has $replica; each must be a numeric address and a port, as in 127.0.0.1:8601." >&2; exit 1 ;;
        *:*) ;;
        *) echo "LSTMVIZ_REPLICAS has $replica, without a port; each must be as in 127.0.0.1:8601." >&2; exit 1 ;;
    esac
done

# One pool for each replica: it, and whoever is left where it does not answer. None is taken for gone because it did not answer
# once: whoever moved on has another's cookie, and where two end one after the other none would be left.
write_pools() {
    echo "upstream lstmviz_any {"
    echo "    least_conn;"
    for replica in $replicas; do
        echo "    server $replica max_fails=0;"
    done
    echo "}"
    number=1
    for own in $replicas; do
        echo "upstream lstmviz_$number {"
        for replica in $replicas; do
            backup=" backup"
            [ "$replica" = "$own" ] && backup=""
            echo "    server $replica max_fails=0$backup;"
        done
        echo "}"
        number=$((number + 1))
    done
}

# By the cookie the pool; by the address that answered last the cookie.
write_maps() {
    echo "map \$cookie_lstmviz_replica \$lstmviz_pool {"
    echo "    default lstmviz_any;"
    number=1
    for replica in $replicas; do
        echo "    $number lstmviz_$number;"
        number=$((number + 1))
    done
    echo "}"
    echo "map \$upstream_addr \$lstmviz_answered {"
    echo "    default '';"
    number=1
    for replica in $replicas; do
        echo "    '~(^|[ ,])$(echo "$replica" | sed 's/\./\\./g')\$' $number;"
        number=$((number + 1))
    done
    echo "}"
}

write() {
    write_pools
    write_maps
    # Said only where it changes: what is kept for ever carries no cookie.
    cat <<'NGINX'
map $scheme $lstmviz_secure {
    default '';
    https '; Secure';
}
map "$cookie_lstmviz_replica:$lstmviz_answered" $lstmviz_cookie {
    default '';
    '~^([0-9]+):\1$' '';
    '~:(?<lstmviz_new>[0-9]+)$' "lstmviz_replica=$lstmviz_new; Path=/; HttpOnly; SameSite=Lax$lstmviz_secure";
}
map $http_upgrade $lstmviz_connection {
    default upgrade;
    '' '';
}
NGINX
    cat <<NGINX
server {
    listen ${LSTMVIZ_LISTEN:-80};
    client_max_body_size ${LSTMVIZ_UPLOAD:-200m};
NGINX
    cat <<'NGINX'
    # For whoever looks after the replicas, at their own ports.
    location ~ /(_stcore|lstmviz)/metrics$ {
        return 404;
    }
    location / {
        proxy_pass http://$lstmviz_pool;
        proxy_http_version 1.1;
        proxy_set_header Host $http_host;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection $lstmviz_connection;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto $scheme;
        add_header Set-Cookie $lstmviz_cookie always;
        # A replica that ends, or is not there, has done nothing of what it was asked for.
        proxy_next_upstream error timeout http_502 http_503;
        proxy_next_upstream_timeout 20s;
        proxy_connect_timeout 2s;
        # A viewer who looks at a picture sends nothing for long.
        proxy_read_timeout 1h;
        proxy_send_timeout 1h;
    }
}
NGINX
}

if [ -n "${LSTMVIZ_CONF:-}" ]; then
    write >"$LSTMVIZ_CONF"
else
    write
fi
