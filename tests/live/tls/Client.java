/* SPDX-License-Identifier: LGPL-2.1-or-later */

import java.io.FileInputStream;
import java.io.IOException;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;

/** As client.py, with JSSE. */
public class Client {
    public static void main(String[] args) throws Exception {
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        try (FileInputStream authority = new FileInputStream(args[0])) {
            store.setCertificateEntry(
                    "hub", CertificateFactory.getInstance("X.509").generateCertificate(authority));
        }
        TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
        trust.init(store);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, trust.getTrustManagers(), null);
        try (SSLSocket socket = (SSLSocket) context.getSocketFactory()
                .createSocket(args[2], Integer.parseInt(args[3]))) {
            if (args[1].equals("1.2")) {
                socket.setEnabledProtocols(new String[] {"TLSv1.2"});
            }
            socket.setSoTimeout(7000);
            socket.getOutputStream().write("hello\n".getBytes());
            socket.getInputStream().read(new byte[6]);
            if (args.length == 5) {
                end(socket, args[4]);
            }
        } catch (IOException refused) {
            // the watchdog says why
        }
        if (args.length == 5) {
            Thread.sleep(2000);
        }
    }

    /** As goodbye.py. */
    private static void end(SSLSocket socket, String how) throws Exception {
        socket.setSoTimeout(15000);
        if (how.equals("later")) {
            Thread.sleep(1300);
        }
        if (how.equals("abort")) {
            socket.setSoLinger(true, 0);
            return;
        }
        if (how.equals("later")) {
            socket.shutdownOutput();
        }
        while (socket.getInputStream().read() >= 0) {
        }
    }
}
