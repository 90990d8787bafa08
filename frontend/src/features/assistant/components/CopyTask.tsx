import { useState } from 'react';
import { type Copy, type CopyContext, type Platform, useCopy } from '@/api/assistant';
import { Field } from '@/components/ui/Field';
import { Input, TextArea } from '@/components/ui/Input';
import { Select } from '@/components/ui/Select';
import { useTexts } from '@/i18n/useTexts';
import { assistantTexts } from '../i18n/assistantTexts';
import { commonFields, filledFields } from '../utils/taskRequest';
import styles from './Assistant.module.css';
import { CopyVariationCard } from './CopyVariationCard';
import { TaskPanel, type TaskProps } from './TaskPanel';

const PLATFORMS = [
  'instagram',
  'facebook',
  'whatsapp',
  'email',
  'sms',
  'google-ads',
  'linkedin',
  'tiktok',
  'x',
  'blog',
] as const satisfies readonly Platform[];
const VARIATIONS = ['1', '2', '3', '4', '5'] as const;
const DETAILS = ['audience', 'tone', 'callToAction', 'language'] as const;
const NO_DETAILS = { audience: '', tone: '', callToAction: '', language: '' };
const PROMPT_LENGTH_MAX = 20_000;
const DETAIL_LENGTH_MAX = 300;

/** Task that writes marketing copy. */
export function CopyTask({ provider }: TaskProps) {
  const t = useTexts(assistantTexts);
  const task = useCopy();
  const [prompt, setPrompt] = useState('');
  const [platform, setPlatform] = useState<Platform | 'any'>('instagram');
  const [variations, setVariations] = useState<(typeof VARIATIONS)[number]>('2');
  const [details, setDetails] = useState(NO_DETAILS);
  const request = () => ({
    ...commonFields(provider),
    prompt,
    variations: Number(variations),
    context: {
      ...filledFields(details),
      ...(platform === 'any' ? {} : { platform }),
    } as CopyContext,
  });
  return (
    <TaskPanel
      task={task}
      request={request}
      renderCompletion={(data) => <CopyVariations copy={data} />}
      fields={
        <>
          <Field label={t('copy.prompt')} hint={t('copy.promptHint')}>
            <TextArea
              value={prompt}
              onChange={(event) => setPrompt(event.target.value)}
              maxLength={PROMPT_LENGTH_MAX}
              required
            />
          </Field>
          <div className={styles.fields}>
            <Field label={t('copy.platform')}>
              <Select
                value={platform}
                onChange={setPlatform}
                options={(['any', ...PLATFORMS] as const).map((value) => ({
                  value,
                  label: t(`copy.platforms.${value}`),
                }))}
              />
            </Field>
            <Field label={t('copy.variations')}>
              <Select
                value={variations}
                onChange={setVariations}
                options={VARIATIONS.map((value) => ({ value, label: value }))}
              />
            </Field>
            {DETAILS.map((name) => (
              <Field key={name} label={t(`copy.${name}`)}>
                <Input
                  value={details[name]}
                  onChange={(event) => setDetails({ ...details, [name]: event.target.value })}
                  placeholder={t(`copy.placeholders.${name}`)}
                  maxLength={DETAIL_LENGTH_MAX}
                />
              </Field>
            ))}
          </div>
        </>
      }
    />
  );
}

function CopyVariations({ copy }: { readonly copy: Copy }) {
  const t = useTexts(assistantTexts);
  return copy.variations.map((variation, place) => (
    <CopyVariationCard
      // biome-ignore lint/suspicious/noArrayIndexKey: variations have no id
      key={place}
      title={t('copy.variation', { number: place + 1 })}
      variation={variation}
    />
  ));
}
