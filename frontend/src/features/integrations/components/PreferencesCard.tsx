import { usePreferences } from '@/api/preferences';
import { Card } from '@/components/ui/Card';
import { ErrorState } from '@/components/ui/ErrorState';
import { Skeleton } from '@/components/ui/Skeleton';
import { useTexts } from '@/i18n/useTexts';
import { integrationsTexts } from '../i18n/integrationsTexts';
import { PreferencesForm } from './PreferencesForm';

/** Card with the preferences form. */
export function PreferencesCard() {
  const t = useTexts(integrationsTexts);
  const preferences = usePreferences();
  return (
    <Card title={t('preferences.title')}>
      {preferences.isPending && <Skeleton height="30rem" />}
      {preferences.isError && (
        <ErrorState error={preferences.error} onRetry={() => void preferences.refetch()} />
      )}
      {preferences.data !== undefined && <PreferencesForm preferences={preferences.data} />}
    </Card>
  );
}
