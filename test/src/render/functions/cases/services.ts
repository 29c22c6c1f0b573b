import type { Case } from '../case.ts';

/** Outputs as Go gives them. */
export const services: readonly Case[] = [
  [
    '{{ range service "web" }}{{ .Node }} {{ .Address }}:{{ .Port }} {{ .Tags }} {{ .ServiceMeta.k }} {{ .Weights.Passing }}\n{{ end }}',
    'n1 10.0.0.80:80 [a b] x y 1\nn2 10.0.0.81:81 [a]  1\nn3 10.0.0.80:80 []  1\n',
  ],
  [
    '{{ service "web" | toJSON }}',
    '[{"Node":"n1","NodeID":"n1-id","NodeAddress":"10.0.0.9","NodeTaggedAddresses":null,"NodeMeta":{"r":"1"},"ServiceMeta":{"k":"x y","n":"7"},"Address":"10.0.0.80","ServiceTaggedAddresses":{"lan":{"Address":"x","Port":1}},"ID":"web80","Name":"web","Tags":["a","b"],"Checks":[],"Status":"passing","Port":80,"Weights":{"Passing":1,"Warning":1}},{"Node":"n2","NodeID":"n2-id","NodeAddress":"10.0.0.9","NodeTaggedAddresses":null,"NodeMeta":{"r":"1"},"ServiceMeta":{"k":"","n":"12"},"Address":"10.0.0.81","ServiceTaggedAddresses":{"lan":{"Address":"x","Port":1}},"ID":"web81","Name":"web","Tags":["a"],"Checks":[],"Status":"passing","Port":81,"Weights":{"Passing":1,"Warning":1}},{"Node":"n3","NodeID":"n3-id","NodeAddress":"10.0.0.9","NodeTaggedAddresses":null,"NodeMeta":{"r":"1"},"ServiceMeta":{},"Address":"10.0.0.80","ServiceTaggedAddresses":{"lan":{"Address":"x","Port":1}},"ID":"web80","Name":"web","Tags":[],"Checks":[],"Status":"passing","Port":80,"Weights":{"Passing":1,"Warning":1}}]',
  ],
  [
    '{{ service "web" | toYAML }}',
    '- node: n1\n  nodeid: n1-id\n  nodeaddress: 10.0.0.9\n  nodetaggedaddresses: {}\n  nodemeta:\n    r: "1"\n  servicemeta:\n    k: x y\n    "n": "7"\n  address: 10.0.0.80\n  servicetaggedaddresses:\n    lan:\n      address: x\n      port: 1\n  id: web80\n  name: web\n  tags:\n  - a\n  - b\n  checks: []\n  status: passing\n  port: 80\n  weights:\n    passing: 1\n    warning: 1\n- node: n2\n  nodeid: n2-id\n  nodeaddress: 10.0.0.9\n  nodetaggedaddresses: {}\n  nodemeta:\n    r: "1"\n  servicemeta:\n    k: ""\n    "n": "12"\n  address: 10.0.0.81\n  servicetaggedaddresses:\n    lan:\n      address: x\n      port: 1\n  id: web81\n  name: web\n  tags:\n  - a\n  checks: []\n  status: passing\n  port: 81\n  weights:\n    passing: 1\n    warning: 1\n- node: n3\n  nodeid: n3-id\n  nodeaddress: 10.0.0.9\n  nodetaggedaddresses: {}\n  nodemeta:\n    r: "1"\n  servicemeta: {}\n  address: 10.0.0.80\n  servicetaggedaddresses:\n    lan:\n      address: x\n      port: 1\n  id: web80\n  name: web\n  tags: []\n  checks: []\n  status: passing\n  port: 80\n  weights:\n    passing: 1\n    warning: 1',
  ],
  [
    '{{ with service "web" }}{{ (index . 0) | toTOML }}{{ end }}',
    'Node = "n1"\nNodeID = "n1-id"\nNodeAddress = "10.0.0.9"\nAddress = "10.0.0.80"\nID = "web80"\nName = "web"\nTags = ["a", "b"]\nChecks = []\nStatus = "passing"\nPort = 80\n\n[NodeMeta]\n  r = "1"\n\n[ServiceMeta]\n  k = "x y"\n  n = "7"\n\n[ServiceTaggedAddresses]\n  [ServiceTaggedAddresses.lan]\n    Address = "x"\n    Port = 1\n\n[Weights]\n  Passing = 1\n  Warning = 1',
  ],
  [
    '{{ range $tag, $s := service "web" | byTag }}{{ $tag }}:{{ range $s }}{{ .ID }},{{ end }} {{ end }}',
    'a:web80,web81, b:web80, ',
  ],
  ['{{ range $p, $s := service "web" | byPort }}{{ $p }}:{{ len $s }} {{ end }}', '80:2 81:1 '],
  [
    '{{ range $k, $s := service "web" | byMeta "k,n|int" }}{{ $k }}={{ len $s }} {{ end }}',
    '_no_k__00000=1 _no_k__00012=1 x_y_00007=1 ',
  ],
  ['{{ range $k, $s := service "web" | byMeta "k" }}{{ $k }}={{ len $s }} {{ end }}', '_no_k_=2 x_y=1 '],
  ['{{ range $tag, $s := services | byTag }}{{ $tag }}:{{ range $s }}{{ .Name }}{{ end }}{{ end }}', 't:a'],
  ['{{ byTag nil }}', 'map[]'],
  ['{{ range service "web" }}{{ if .Tags | contains "b" }}{{ .ID }}{{ end }}{{ end }}', 'web80'],
  ['{{ printf "%T" (service "web") }}', '[]*dependency.HealthService'],
  ['{{ range service "web" }}{{ .Tags | join "," }};{{ end }}', 'a,b;a;;'],
  ['{{ range service "web" }}{{ .ServiceTaggedAddresses.lan.Address }}{{ end }}', 'xxx'],
  ['{{ range service "none" }}x{{ else }}y{{ end }}', 'y'],
  ['{{ range service "web" }}{{ .ServiceMeta.zzz }}|{{ .NodeTaggedAddresses.x }};{{ end }}', '|;|;|;'],
  ['{{ (index (service "web") 0).Tags | toJSON }}', '["a","b"]'],
  ['{{ range service "web" }}{{ .Tags | toYAML }}{{ end }}', '- a\n- b- a[]'],
  ['{{ len (service "web") }}', '3'],
  ['{{ range $i, $s := service "web" }}{{ if $i }},{{ end }}{{ $s.ID }}{{ end }}', 'web80,web81,web80'],
  [
    '{{ service "web" | sprig_first | toJSON }}',
    '{"Node":"n1","NodeID":"n1-id","NodeAddress":"10.0.0.9","NodeTaggedAddresses":null,"NodeMeta":{"r":"1"},"ServiceMeta":{"k":"x y","n":"7"},"Address":"10.0.0.80","ServiceTaggedAddresses":{"lan":{"Address":"x","Port":1}},"ID":"web80","Name":"web","Tags":["a","b"],"Checks":[],"Status":"passing","Port":80,"Weights":{"Passing":1,"Warning":1}}',
  ],
  ['{{ range (service "web" | sprig_reverse) }}{{ .ID }} {{ end }}', 'web80 web81 web80 '],
  ['{{ range service "web" }}{{ .Port | toJSON }}{{ .Port | add 1 }}{{ end }}', '808181828081'],
  ['{{ eq (index (service "web") 0).Port 80 }}', 'true'],
  ['{{ range service "web" }}{{ .Checks | len }}{{ end }}', '000'],
];

/** Errors, from their reason on. */
export const servicesFailures: readonly Case[] = [
  [
    '{{ byMeta "k|int" (service "web") }}',
    'error calling byMeta: cannot parse x y as number : strconv.Atoi: parsing "x y": invalid syntax',
  ],
  ['{{ byTag 5 }}', 'error calling byTag: byTag: wrong argument type int'],
  ['{{ byPort services }}', 'error calling byPort: byPort: wrong argument type []*dependency.CatalogSnippet'],
  [
    '{{ range service "web" }}{{ .Nope }}{{ end }}',
    "can't evaluate field Nope in type *dependency.HealthService",
  ],
  ['{{ index (service "web") 9 }}', 'error calling index: index out of range: 9'],
];
