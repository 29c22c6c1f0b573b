/** What is promised without TLS holds with it. */
import './over-tls.ts';
import '../plain.test.ts';
import '../parsing.test.ts';
import '../heads.test.ts';
import '../replies.test.ts';
