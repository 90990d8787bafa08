import { type FormEvent, useState } from 'react';
import { type Preferences, useSavePreferences } from '@/api/preferences';
import { displayName, isProviderName, PROVIDERS, type ProviderName } from '@/api/providers';
import { Button } from '@/components/ui/Button';
import { ErrorState } from '@/components/ui/ErrorState';
import { Field } from '@/components/ui/Field';
import { Input } from '@/components/ui/Input';
import { Select } from '@/components/ui/Select';
import { Switch } from '@/components/ui/Switch';
import { useToast } from '@/components/ui/Toast';
import { useFieldError } from '@/i18n/useFieldError';
import { useTexts } from '@/i18n/useTexts';
import { changedFields } from '@/lib/changedFields';
import { integrationsTexts } from '../i18n/integrationsTexts';
import {
  asModelRows,
  asModels,
  asPriceRows,
  asPrices,
  type ModelRow,
  type PriceRow,
} from '../utils/modelRows';
import { AllowedModelRows } from './AllowedModelRows';
import styles from './Integrations.module.css';
import { OwnPriceRows } from './OwnPriceRows';

const CACHE_DAYS_MAX = 30;
const CONTENTS = ['full', 'redacted', 'none'] as const;
const LANGUAGES = ['pt-BR', 'en'] as const;

/** Form for caching, audit content, e-mail language, allowed providers and models, and own prices. */
export function PreferencesForm({ preferences }: { readonly preferences: Preferences }) {
  const t = useTexts(integrationsTexts);
  const toast = useToast();
  const save = useSavePreferences();
  const fieldError = useFieldError(save.error);
  const [cacheDays, setCacheDays] = useState(String(preferences.cacheTtlDays));
  const [auditContent, setAuditContent] = useState(preferences.auditContent);
  const [mailLanguage, setMailLanguage] = useState(preferences.mailLanguage);
  const [allowed, setAllowed] = useState<readonly ProviderName[]>(
    () => preferences.allowedProviders?.filter(isProviderName) ?? PROVIDERS,
  );
  const [models, setModels] = useState<readonly ModelRow[]>(() =>
    (preferences.allowedModels ?? []).flatMap(asModelRows),
  );
  const [prices, setPrices] = useState<readonly PriceRow[]>(() => preferences.prices.flatMap(asPriceRows));

  const current = {
    cacheTtlDays: Number(cacheDays),
    auditContent,
    mailLanguage,
    allowedProviders: allowed.length === PROVIDERS.length ? null : [...allowed],
    allowedModels: models.length === 0 ? null : asModels(models),
    prices: asPrices(prices),
  };
  const [saved, setSaved] = useState(current);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate(changedFields(saved, current), {
      onSuccess: () => {
        setSaved(current);
        toast.success({ title: t('preferences.saved') });
      },
    });
  };
  return (
    <form className={styles.stack} onSubmit={submit}>
      <div className={styles.columns}>
        <Field
          label={t('preferences.cache')}
          hint={t('preferences.cacheHint')}
          error={fieldError('cacheTtlDays')}
        >
          <Input
            type="number"
            min={0}
            max={CACHE_DAYS_MAX}
            required
            value={cacheDays}
            onChange={(event) => setCacheDays(event.target.value)}
          />
        </Field>
        <Field label={t('preferences.content')} hint={t(`preferences.contentHints.${auditContent}`)}>
          <Select
            value={auditContent}
            onChange={setAuditContent}
            options={CONTENTS.map((value) => ({ value, label: t(`preferences.contents.${value}`) }))}
          />
        </Field>
        <Field label={t('preferences.mails')}>
          <Select
            value={mailLanguage}
            onChange={setMailLanguage}
            options={LANGUAGES.map((value) => ({ value, label: t(`preferences.languages.${value}`) }))}
          />
        </Field>
      </div>
      <AllowedProviderSwitches value={allowed} onChange={setAllowed} error={fieldError('allowedProviders')} />
      <AllowedModelRows rows={models} onChange={setModels} error={fieldError('allowedModels')} />
      <OwnPriceRows rows={prices} onChange={setPrices} error={fieldError('prices')} />
      {save.isError && <ErrorState error={save.error} />}
      <div className={styles.actions}>
        <Button type="submit" variant="primary" busy={save.isPending}>
          {t('preferences.save')}
        </Button>
      </div>
    </form>
  );
}

interface AllowedProviderSwitchesProps {
  readonly value: readonly ProviderName[];
  readonly onChange: (value: readonly ProviderName[]) => void;
  readonly error: string | undefined;
}

function AllowedProviderSwitches({ value, onChange, error }: AllowedProviderSwitchesProps) {
  const t = useTexts(integrationsTexts);
  return (
    <fieldset className={styles.group}>
      <legend>{t('preferences.providers')}</legend>
      <p className={styles.muted}>{t('preferences.providersHint')}</p>
      <div className={styles.switches}>
        {PROVIDERS.map((provider) => (
          <Switch
            key={provider}
            label={displayName(provider)}
            checked={value.includes(provider)}
            // One provider must stay allowed. A limit of 0 is the way to block all requests.
            disabled={value.length === 1 && value.includes(provider)}
            onChange={(isAllowed) =>
              onChange(PROVIDERS.filter((one) => (one === provider ? isAllowed : value.includes(one))))
            }
          />
        ))}
      </div>
      {error !== undefined && <p className={styles.error}>{error}</p>}
    </fieldset>
  );
}
