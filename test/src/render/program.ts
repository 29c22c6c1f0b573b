/** `fairlead render` with the fake template language, started as a process of its own. */
import { render } from '../../../src/commands/render.ts';
import { createFakeRenderers } from './fake-renderers.ts';

process.exit(await render(process.argv.slice(2), createFakeRenderers(process.env.FAKE_DATA!)));
