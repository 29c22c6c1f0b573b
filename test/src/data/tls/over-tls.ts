/** Imported first, it makes the tests that follow run over TLS. */
import { defaults } from '../../../support/engine.ts';

defaults.scheme = 'https';
