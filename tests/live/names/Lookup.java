/* SPDX-License-Identifier: LGPL-2.1-or-later */

import java.net.InetAddress;
import java.net.UnknownHostException;

/** As lookup.c, with Java, which must not keep what it did not find (negative.ttl). */
public class Lookup {
    public static void main(String[] arguments) throws InterruptedException {
        for (int i = 0; i < 4; i++) {
            try {
                InetAddress.getByName(arguments[0]);
            } catch (UnknownHostException ignored) {
                // that is what it is for
            }
            Thread.sleep(1200);
        }
    }
}
