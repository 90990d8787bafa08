import { Suspense } from 'react';
import { Link, Route, Switch } from 'wouter';
import { Button } from '@/components/ui/Button';
import { EmptyState } from '@/components/ui/EmptyState';
import { Field } from '@/components/ui/Field';
import { Popover } from '@/components/ui/Popover';
import { Select } from '@/components/ui/Select';
import { Skeleton } from '@/components/ui/Skeleton';
import type { Locale } from '@/i18n/locale';
import { useTexts } from '@/i18n/useTexts';
import { demoTexts } from './i18n/demoTexts';
import { PAGES } from './pages';
import styles from './Shell.module.css';
import type { Identity } from './session';
import { type Theme, useTheme } from './usePreference';

const LANGUAGES = [
  { value: 'pt-BR', label: 'Português' },
  { value: 'en', label: 'English' },
  { value: 'es', label: 'Español' },
] as const;

interface ShellProps {
  readonly identity: Identity;
  readonly isAdmin: boolean;
  readonly onSignOut: () => void;
  readonly locale: Locale;
  readonly onLocale: (locale: Locale) => void;
}

/** Frame of every page: navigation and the account menu. */
export function Shell({ identity, isAdmin, onSignOut, locale, onLocale }: ShellProps) {
  const t = useTexts(demoTexts);
  const pages = PAGES.filter((page) => isAdmin || !page.adminOnly);
  return (
    <>
      <header className={styles.header}>
        <span className={styles.brand}>Nexus AI</span>
        <nav className={styles.nav} aria-label={t('navigation')}>
          {pages.map((page) => (
            <Link
              key={page.path}
              href={page.path}
              className={(active) => styles[active ? 'active' : 'link'] ?? ''}
            >
              {t(`pages.${page.name}`)}
            </Link>
          ))}
        </nav>
        <AccountMenu
          identity={identity}
          isAdmin={isAdmin}
          onSignOut={onSignOut}
          locale={locale}
          onLocale={onLocale}
        />
      </header>
      <main className={styles.main}>
        <Suspense fallback={<Skeleton height="20rem" />}>
          <Switch>
            {pages.map(({ path, route = path, component: Page }) => (
              <Route key={path} path={route}>
                <Page isAdmin={isAdmin} />
              </Route>
            ))}
            <Route>
              <EmptyState title={t('notFound')}>
                <Link href="/">{t('toStart')}</Link>
              </EmptyState>
            </Route>
          </Switch>
        </Suspense>
      </main>
    </>
  );
}

/** Menu with tenant, role, language, theme and sign-out. */
function AccountMenu({ identity, isAdmin, onSignOut, locale, onLocale }: ShellProps) {
  const t = useTexts(demoTexts);
  const [theme, setTheme] = useTheme();
  return (
    <div className={styles.account}>
      <Popover
        label={t('account')}
        trigger={`${identity.tenantId} · ${isAdmin ? t('signIn.admin') : t('signIn.user')}`}
      >
        <Field label={t('language')}>
          <Select<Locale> value={locale} onChange={onLocale} options={LANGUAGES} />
        </Field>
        <Field label={t('theme.label')}>
          <Select<Theme>
            value={theme}
            onChange={setTheme}
            options={(['system', 'light', 'dark'] as const).map((value) => ({
              value,
              label: t(`theme.${value}`),
            }))}
          />
        </Field>
        <Button onClick={onSignOut}>{t('signIn.signOut')}</Button>
      </Popover>
    </div>
  );
}
