/** What is promised without TLS holds with it. */
import './over-tls.ts';
import '../faults.test.ts';
import '../uploads.test.ts';
import '../connections.test.ts';
import '../tunnels.test.ts';
