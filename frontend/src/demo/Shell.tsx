import { Suspense } from 'react';
import { Link, Route, Switch } from 'wouter';
import { Button } from '../components/ui/Button';
import { EmptyState } from '../components/ui/EmptyState';
import { Select } from '../components/ui/Select';
import { Skeleton } from '../components/ui/Skeleton';
import { demoTexts } from '../i18n/demo';
import type { Locale } from '../i18n/locale';
import { useTexts } from '../i18n/useTexts';
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

/** The frame around every page: navigation, who is signed in, language and theme. */
export function Shell({ identity, isAdmin, onSignOut, locale, onLocale }: ShellProps) {
  const t = useTexts(demoTexts);
  const [theme, setTheme] = useTheme();
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
        <div className={styles.tools}>
          <Select<Locale> ariaLabel={t('language')} value={locale} onChange={onLocale} options={LANGUAGES} />
          <Select<Theme>
            ariaLabel={t('theme.label')}
            value={theme}
            onChange={setTheme}
            options={(['system', 'light', 'dark'] as const).map((value) => ({
              value,
              label: t(`theme.${value}`),
            }))}
          />
          <span className={styles.identity}>
            {identity.tenantId} · {isAdmin ? t('signIn.admin') : t('signIn.user')}
          </span>
          <Button size="s" onClick={onSignOut}>
            {t('signIn.signOut')}
          </Button>
        </div>
      </header>
      <main className={styles.main}>
        <Suspense fallback={<Skeleton height="20rem" />}>
          <Switch>
            {pages.map(({ path, component }) => (
              <Route key={path} path={path} component={component} />
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
