import { useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import type { Locale } from '@/i18n/locale';
import { NexusProvider } from '@/NexusProvider';
import { Shell } from './Shell';
import { SignIn } from './SignIn';
import { useLocale } from './usePreference';
import { type Session, useSession } from './useSession';

export function App() {
  const session = useSession();
  const [locale, setLocale] = useLocale();
  return (
    <NexusProvider baseUrl={window.location.origin} getToken={session.getToken} locale={locale}>
      <DemoPages session={session} locale={locale} onLocale={setLocale} />
    </NexusProvider>
  );
}

interface DemoPagesProps {
  readonly session: Session;
  readonly locale: Locale;
  readonly onLocale: (locale: Locale) => void;
}

/** The sign-in page, or the demo for the signed-in user. */
function DemoPages({ session, locale, onLocale }: DemoPagesProps) {
  const queryClient = useQueryClient();
  const { identity } = session;
  // Remove the cached data after signing out, so that the next user cannot see it.
  useEffect(() => {
    if (identity === null) queryClient.clear();
  }, [identity, queryClient]);
  if (identity === null) return <SignIn onSignIn={session.signIn} />;
  return (
    <Shell
      identity={identity}
      isAdmin={session.isAdmin}
      onSignOut={session.signOut}
      locale={locale}
      onLocale={onLocale}
    />
  );
}
