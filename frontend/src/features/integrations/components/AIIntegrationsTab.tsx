import { useConfigs } from '@/api/configs';
import { useFallbackOrders } from '@/api/fallback';
import { useLimits } from '@/api/limits';
import { usePreferences } from '@/api/preferences';
import { PROVIDERS } from '@/api/providers';
import { ErrorState } from '@/components/ui/ErrorState';
import { Skeleton } from '@/components/ui/Skeleton';
import { useTexts } from '@/i18n/useTexts';
import { useAllLoaded } from '@/lib/useAllLoaded';
import { integrationsTexts } from '../i18n/integrationsTexts';
import { FallbackOrdersCard } from './FallbackOrdersCard';
import styles from './Integrations.module.css';
import { LimitsCard } from './LimitsCard';
import { PreferencesCard } from './PreferencesCard';
import { ProviderCard } from './ProviderCard';

/** All AI settings of a tenant. The API rejects users who are not administrators. */
export function AIIntegrationsTab() {
  const t = useTexts(integrationsTexts);
  // Show all parts at once, so that a late part does not shift the page.
  const areLoaded = useAllLoaded([useConfigs(), useFallbackOrders(), useLimits(), usePreferences()]);
  return (
    <div className={styles.tab}>
      <header>
        <h1 className={styles.title}>{t('title')}</h1>
        <p className={styles.muted}>{t('intro')}</p>
      </header>
      {areLoaded ? <IntegrationSettings /> : <Skeleton height="100rem" />}
    </div>
  );
}

function IntegrationSettings() {
  const configs = useConfigs();
  return (
    <>
      {configs.isPending && <Skeleton height="30rem" />}
      {configs.isError && <ErrorState error={configs.error} onRetry={() => void configs.refetch()} />}
      {configs.data !== undefined && (
        <>
          <div className={styles.providers}>
            {PROVIDERS.map((provider) => (
              <ProviderCard
                key={provider}
                provider={provider}
                config={configs.data.find((config) => config.provider === provider) ?? null}
              />
            ))}
          </div>
          <FallbackOrdersCard configs={configs.data} />
        </>
      )}
      <LimitsCard />
      <PreferencesCard />
    </>
  );
}
