import { useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import type { Locale } from '../i18n/locale';
import { NexusProvider } from '../NexusProvider';
import { Shell } from './Shell';
import { SignIn } from './SignIn';
import { useLocale } from './usePreference';
import { type Session, useSession } from './useSession';

export function App() {
  const session = useSession();
  const [locale, setLocale] = useLocale();
  return (
    <NexusProvider baseUrl={window.location.origin} getToken={session.getToken} locale={locale}>
      <Signed session={session} locale={locale} onLocale={setLocale} />
    </NexusProvider>
  );
}

interface SignedProps {
  readonly session: Session;
  readonly locale: Locale;
  readonly onLocale: (locale: Locale) => void;
}

function Signed({ session, locale, onLocale }: SignedProps) {
  const queryClient = useQueryClient();
  const { identity } = session;
  // What one identity has loaded is not shown to the next.
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
