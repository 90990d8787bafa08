import { useConfigs } from '../../api/configs';
import { useFallback } from '../../api/fallback';
import { useLimits } from '../../api/limits';
import { usePreferences } from '../../api/preferences';
import { useAllLoaded } from '../../api/useAllLoaded';
import { integrationsTexts } from '../../i18n/integrations';
import { useTexts } from '../../i18n/useTexts';
import { PROVIDERS } from '../../providers';
import { ErrorState } from '../ui/ErrorState';
import { Skeleton } from '../ui/Skeleton';
import { FallbackOrders } from './integrations/FallbackOrders';
import styles from './integrations/Integrations.module.css';
import { LimitsForm } from './integrations/LimitsForm';
import { PreferencesForm } from './integrations/PreferencesForm';
import { ProviderCard } from './integrations/ProviderCard';

/** Everything of AI that a company's administrators set. The API refuses whoever is none. */
export function AIIntegrationsTab() {
  const t = useTexts(integrationsTexts);
  // All at once, so that no part pushes another one down when it comes.
  const areLoaded = useAllLoaded([useConfigs(), useFallback(), useLimits(), usePreferences()]);
  return (
    <div className={styles.tab}>
      <header>
        <h1 className={styles.title}>{t('title')}</h1>
        <p className={styles.muted}>{t('intro')}</p>
      </header>
      {areLoaded ? <Sections /> : <Skeleton height="100rem" />}
    </div>
  );
}

function Sections() {
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
          <FallbackOrders configs={configs.data} />
        </>
      )}
      <LimitsForm />
      <PreferencesForm />
    </>
  );
}
