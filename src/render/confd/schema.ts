import * as z from 'zod';
import * as v from '../../config/values.ts';
import * as own from '../config/values.ts';

/** confd's own file. What chooses among its other backends is read so that the message can name the backend. */
export const mainSchema = z.strictObject({
  backend: own.text.optional(),
  confdir: own.text.optional(),
  interval: v.integer(0, 1_000_000_000).optional(),
  'log-level': own.text.optional(),
  nodes: own.texts.optional(),
  noop: v.flag.optional(),
  prefix: own.text.optional(),
  scheme: own.text.optional(),
  srv_domain: own.text.optional(),
  srv_record: own.text.optional(),
  'sync-only': v.flag.optional(),
  watch: v.flag.optional(),
  client_cakeys: own.text.optional(),
  client_cert: own.text.optional(),
  client_key: own.text.optional(),
  basic_auth: v.flag.optional(),
  username: own.text.optional(),
  password: own.text.optional(),
  auth_token: own.text.optional(),
  auth_type: own.text.optional(),
  table: own.text.optional(),
  separator: own.text.optional(),
  file: own.texts.optional(),
  filter: own.text.optional(),
  path: own.text.optional(),
  app_id: own.text.optional(),
  user_id: own.text.optional(),
  role_id: own.text.optional(),
  secret_id: own.text.optional(),
});

/** A template resource of `conf.d`. */
export const resourceSchema = z.strictObject({
  template: z.strictObject({
    src: own.text,
    dest: own.text,
    keys: own.texts.optional(),
    prefix: own.text.optional(),
    mode: own.text.optional(),
    uid: v.integer(0, 4_294_967_294).optional(),
    gid: v.integer(0, 4_294_967_294).optional(),
    /** Read and ignored, as confd does; a warning says so. */
    owner: own.text.optional(),
    group: own.text.optional(),
    check_cmd: own.text.optional(),
    reload_cmd: own.text.optional(),
  }),
});

export type MainFile = z.output<typeof mainSchema>;
export type ResourceFile = z.output<typeof resourceSchema>;
